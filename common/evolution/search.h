// A search: what to breed next, and what a result changes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/random.h"
#include "common/evolution/archive.h"

namespace merganser {

struct SearchOptions {
  // "m2n2", or "ga": no competition (see EffectiveAlpha) and no attraction.
  std::string method = "m2n2";
  // The paper's ablations. "ga" draws without attraction whatever is set here.
  bool attraction = true;
  bool split_point = true;
  bool crossover = true;
  // The mix is uniform on [mix_low, mix_high); always mix_low if they are
  // equal. Within -100 … 100.
  double mix_low = 0;
  double mix_high = 1;
};

// What determines a child, given the archive it was drawn from.
struct ProposalDraw {
  int slot_a = 0;
  int slot_b = 0;
  // Per chromosome the split point, in blocks of its split grid: blocks before
  // it mix with w, the others with 1-w. 0 … blocks-1; without split points it
  // is `blocks`, so that the whole child is SLERP(A, B, w).
  std::vector<int64_t> split_blocks;
  // Per chromosome the mix w; it weighs parent B.
  std::vector<double> mixes;
  // False: the child is a copy of A. Then slot_b is slot_a, every split point
  // is `blocks` and every mix 0, which says the same.
  bool crossover = true;
};

// Threads: immutable after construction; safe to share.
class Search {
 public:
  virtual ~Search() = default;

  // The draws of one proposal; a pure function of its arguments. Chromosome c
  // uses the draws kSplitPoint and kMix with i = c.
  // Errors: FailedPrecondition when the archive is empty or not of the
  // search's alpha; InvalidArgument unless there is a chromosome and each has
  // a block.
  virtual absl::StatusOr<ProposalDraw> Propose(
      const Archive& archive, const DrawStream& draws,
      std::span<const int64_t> blocks_per_chromosome) const = 0;

  // Lets a finished candidate into the archive, or drops it.
  // Errors: as Propose for the alpha, as Archive::Add for the rest.
  virtual absl::StatusOr<Replacement> Apply(Archive& archive,
                                            Member candidate) const = 0;
};

// Errors: InvalidArgument on an unknown method or a mix out of range.
absl::StatusOr<std::unique_ptr<Search>> CreateSearch(
    const SearchOptions& options);

// The alpha that the archive of this search needs: 0 for "ga", else `alpha`.
double EffectiveAlpha(const SearchOptions& options, double alpha);

}  // namespace merganser
