// Scores of children that nobody evaluates, made so that a chosen share of them
// enters the archive, for ever and at any time.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace merganser {

// Every second datapoint is solved by all good children, the others belong to
// one of twenty niches each. A good child solves its niche: it ties with the
// member that held the niche before, and replaces it. Any other child solves
// three quarters of that, and is dropped. So an archive of twenty slots keeps
// one member per niche, and all members are parents alike.
class SimulatedScores {
 public:
  static constexpr int kNiches = 20;
  // Per niche: the scores of a good child, packed in the order of one chunk.
  using Patterns = std::array<std::string, kNiches>;

  static Patterns Pack(std::span<const uint32_t> order);

  // `good_share`: of the children, 0 … 1.
  explicit SimulatedScores(double good_share);

  // A pure function of its arguments. Threads: safe to share.
  std::string Score(uint64_t campaign, int64_t candidate,
                    const Patterns& patterns) const;

 private:
  const uint64_t good_below_;
};

}  // namespace merganser
