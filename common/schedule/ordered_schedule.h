// The ordered schedule: a campaign as a pure function of its spec, its Gram
// sums and its scores. The coordinator folds results with it, and a replay
// folds the log with it; there is no second place where a child is bred.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/evolution/archive.h"
#include "common/evolution/search.h"
#include "common/genome/crossover.h"
#include "common/genome/gram.h"
#include "common/genome/linear_recipe.h"
#include "common/genome/parameter_layout.h"

namespace merganser {

// Results between two versions of the chunk layout (DESIGN.md section 5).
inline constexpr int64_t kLayoutInterval = 256;

// The search datapoints of one task among all: begin … end-1.
struct TaskExtent {
  int64_t begin = 0;
  int64_t end = 0;
  int chunk_size = 1;
};

struct ScheduleOptions {
  ArchiveOptions archive;
  SearchOptions search;
  // W, at least 1: proposal n is drawn after results 0 … n-W.
  int64_t window = 32;
  uint64_t random_seed = 0;
  std::vector<TaskExtent> tasks;
  // In file order; their number is K.
  std::vector<Digest> seed_digests;
  GenomeLayout layout;
};

// Everything that determines a child.
struct Proposal {
  int64_t candidate = 0;  // n
  int64_t parent_a = 0;
  int64_t parent_b = 0;
  // False: the child is a copy of A; the three lists below are empty.
  bool crossover = true;
  std::vector<int64_t> split_blocks;              // per chromosome
  std::vector<double> mixes;                      // per chromosome
  std::vector<ChromosomeCrossover> coefficients;  // per chromosome
  LinearRecipe recipe;
  Digest genome;
  int64_t layout_version = 0;
};

// What became of one result.
struct AppliedResult {
  int64_t candidate = 0;
  // The slot that was replaced; the population's size = the child was dropped.
  int dropped_slot = 0;
  bool accepted = false;
  Fitness child_fitness;
};

// A member of the archive with the recipe that made it.
struct StoredSlot {
  Member member;
  LinearRecipe recipe;
};

// The order of all search datapoints, task after task, from which the chunks
// of one layout version are cut.
using LayoutOrderPointer = std::shared_ptr<const std::vector<uint32_t>>;

// Threads: none; its owner guards it.
class OrderedSchedule {
 public:
  // Errors: InvalidArgument for options out of range, or Gram sums of another
  // shape.
  static absl::StatusOr<OrderedSchedule> Create(
      ScheduleOptions options, std::shared_ptr<const GramSums> gram);

  // Lets the seeds into the archive as -K … -1 and draws the first W proposals.
  // Shape: scores is [K][datapoints].
  // Errors: FailedPrecondition if called twice; InvalidArgument on bad scores.
  absl::Status Start(std::vector<std::vector<uint32_t>> seed_scores);

  // Takes up a schedule where it was stored.
  // Errors: InvalidArgument naming what is missing or does not fit; the
  // schedule is then unusable.
  absl::Status Restore(int64_t applied,
                       std::vector<std::optional<StoredSlot>> slots,
                       std::vector<Proposal> open,
                       std::map<int64_t, LayoutOrderPointer> layouts);

  // Applies the result of proposal n = applied() and draws proposal n + W.
  // Nullopt scores: the proposal was quarantined; it is dropped unseen.
  // Errors: InvalidArgument on bad scores; nothing has then changed.
  absl::StatusOr<AppliedResult> Apply(
      std::optional<std::vector<uint32_t>> scores);

  // Number of results applied so far; also the number of the oldest open
  // proposal.
  int64_t applied() const { return applied_; }
  bool started() const { return started_; }

  // The W proposals that are drawn and not applied, applied() first. They do
  // not depend on the budget: who keeps to one evaluates those below it.
  const std::deque<Proposal>& open() const { return open_; }
  // Nullptr unless n is open.
  const Proposal* Find(int64_t candidate) const;

  const Archive& archive() const { return archive_; }
  // The recipe of a slot's member; nullopt for an empty slot.
  const std::optional<LinearRecipe>& recipe(int slot) const {
    return recipes_[slot];
  }
  Digest archive_digest() const { return archive_.digest(applied_); }

  // The layout of a version that some open proposal uses.
  LayoutOrderPointer layout(int64_t version) const;
  // The layouts in memory, by version: those of open proposals.
  const std::map<int64_t, LayoutOrderPointer>& layouts() const {
    return layouts_;
  }
  // The layout of seeds: file order.
  LayoutOrderPointer file_order() const { return file_order_; }

  const ScheduleOptions& options() const { return options_; }
  const GramSums& gram() const { return *gram_; }

 private:
  OrderedSchedule(ScheduleOptions options, std::shared_ptr<const GramSums> gram,
                  Archive archive, std::unique_ptr<Search> search);

  // v of proposal n.
  int64_t LayoutVersion(int64_t candidate) const;
  // Draws the next proposal from the archive as it stands.
  absl::Status Draw();
  absl::Status Breed(const ProposalDraw& draw, Proposal& proposal) const;
  absl::Status ReplaceSlot(int64_t candidate, const Replacement& replacement,
                           LinearRecipe recipe);
  absl::Status MakeLayout(int64_t version);
  void ForgetOldLayouts();

  ScheduleOptions options_;
  std::shared_ptr<const GramSums> gram_;
  Archive archive_;
  std::unique_ptr<Search> search_;
  std::vector<std::optional<LinearRecipe>> recipes_;  // per slot
  std::vector<int64_t> blocks_;                       // per chromosome
  LayoutOrderPointer file_order_;
  std::map<int64_t, LayoutOrderPointer> layouts_;
  std::deque<Proposal> open_;
  int64_t applied_ = 0;
  bool started_ = false;
};

}  // namespace merganser
