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
#include "common/evolution/rejection_bound.h"
#include "common/evolution/search.h"
#include "common/genome/crossover.h"
#include "common/genome/gram.h"
#include "common/genome/linear_recipe.h"
#include "common/genome/parameter_layout.h"
#include "common/schedule/chunk_assembly.h"

namespace merganser {

// Results between two versions of the chunk layout (DESIGN.md section 5).
inline constexpr int64_t kLayoutInterval = 256;

// How candidates are kept: as linear recipes of the seeds, or as weights.
enum class GenomeKind { kRecipes, kWeights };

struct ScheduleOptions {
  ArchiveOptions archive;
  SearchOptions search;
  // W, at least 1: so many proposals are open at a time.
  int64_t window = 32;
  // False: results are applied in the order of n, so that proposal n is drawn
  // after results 0 … n-W. True: in any order.
  bool async = false;
  // Jobs into which a child's chunks are dealt; no matter to the outcome.
  int shards = 1;
  // Whether children may be rejected by some of their scores; no matter to the
  // outcome. False where RejectionBound does not apply.
  bool early_rejection = true;
  uint64_t random_seed = 0;
  GenomeKind genomes = GenomeKind::kRecipes;
  // Standard deviation of the noise on each child; 0 unless weights are kept.
  double mutation_sigma = 0;
  std::vector<TaskExtent> tasks;
  // In file order; their number is K.
  std::vector<Digest> seed_digests;
  // Set: the origin is at this model, the last seed of each recipe. Not where
  // weights are kept.
  std::optional<Digest> base_digest;
  // Standard deviation of the noise on each child's coefficients, at least 0.
  // 0 where weights are kept.
  double coefficient_sigma = 0;
  GenomeLayout layout;
};

// Where recipes are kept: the recipe of seed k, 0 … K-1, and the digest of a
// recipe.
LinearRecipe RecipeOfSeed(const ScheduleOptions& options, int k);
Digest RecipeDigest(const ScheduleOptions& options, const LinearRecipe& recipe);

// Everything that determines a child. Where weights are kept, the recipe and
// the coefficients are empty: whoever makes the child computes these.
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
  // Where weights are kept: the OffspringDigest().
  Digest genome;
  int64_t layout_version = 0;
};

// The genome of a proposal where weights are kept. The parents' digests are
// those of their weights.
Digest ChildDefinition(const ScheduleOptions& options, const Digest& parent_a,
                       const Digest& parent_b, const Proposal& proposal);

// The recipe of a proposal that has all else, where recipes are kept: its
// parents' crossed by its coefficients, or A's, then mutated. B is not looked
// at without crossover.
LinearRecipe ChildRecipe(const ScheduleOptions& options, const LinearRecipe& a,
                         const LinearRecipe& b, const Proposal& proposal);

// What became of one result.
struct AppliedResult {
  int64_t candidate = 0;
  // The slot that was replaced; the population's size = the child was dropped.
  int dropped_slot = 0;
  bool accepted = false;
  Fitness child_fitness;
};

// A member of the archive with the recipe that made it, if recipes are kept;
// else the member's genome is the digest of its weights.
struct StoredSlot {
  Member member;
  LinearRecipe recipe;
};

// Threads: none; its owner guards it.
class OrderedSchedule {
 public:
  // `gram` is null where weights are kept.
  // Errors: InvalidArgument for options out of range, or Gram sums of another
  // shape.
  static absl::StatusOr<OrderedSchedule> Create(
      ScheduleOptions options, std::shared_ptr<const GramSums> gram);

  // Lets the seeds into the archive as -K … -1 and draws the first W proposals.
  // Shape: seed_scores is [K][datapoints]; seed_weights, the digests of their
  // weights, [K] where weights are kept, else empty.
  // Errors: FailedPrecondition if called twice; InvalidArgument on bad scores.
  absl::Status Start(std::vector<std::vector<uint32_t>> seed_scores,
                     const std::vector<Digest>& seed_weights = {});

  // Takes up a schedule where it was stored.
  // Errors: InvalidArgument naming what is missing or does not fit; the
  // schedule is then unusable.
  absl::Status Restore(int64_t applied,
                       std::vector<std::optional<StoredSlot>> slots,
                       std::vector<Proposal> open,
                       std::map<int64_t, LayoutOrderPointer> layouts);

  // Whether proposal `candidate` is the one to apply next, or one of them.
  bool IsNext(int64_t candidate) const;

  // Applies the result of a proposal that IsNext() and draws another one.
  // Nullopt scores: the proposal was quarantined; it is dropped unseen.
  // `weights`: the digest of the child's weights; needed, beside scores, where
  // weights are kept.
  // Errors: InvalidArgument on bad scores and missing weights,
  // FailedPrecondition out of turn; nothing has then changed.
  absl::StatusOr<AppliedResult> Apply(
      int64_t candidate, std::optional<std::vector<uint32_t>> scores,
      const std::optional<Digest>& weights = std::nullopt);

  // Whether the archive as it stands drops a child with these scores whatever
  // its unknown ones are. False where RejectionBound does not apply.
  bool Rejects(const ChunkAssembly& known);

  // Applies a child that Rejects() says must be dropped.
  // Errors: FailedPrecondition out of turn, or if it need not be dropped;
  // nothing has then changed.
  absl::StatusOr<AppliedResult> ApplyRejected(int64_t candidate,
                                              const ChunkAssembly& known);

  // Number of results applied so far.
  int64_t applied() const { return applied_; }
  bool started() const { return started_; }

  // The W proposals that are drawn and not applied, ascending. They do not
  // depend on the budget: who keeps to one evaluates those below it.
  const std::deque<Proposal>& open() const { return open_; }
  // Nullptr unless n is open.
  const Proposal* Find(int64_t candidate) const;

  const Archive& archive() const { return archive_; }
  // The recipe of a slot's member; nullopt for an empty slot, and empty where
  // weights are kept.
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
  std::deque<Proposal>::iterator FindOpen(int64_t candidate);
  // Takes the applied proposal away and draws the next one.
  absl::Status MoveOn(std::deque<Proposal>::iterator applied);
  // Draws the next proposal from the archive as it stands.
  absl::Status Draw();
  absl::Status Breed(const ProposalDraw& draw, Proposal& proposal) const;
  void BreedRecipe(const ProposalDraw& draw, Proposal& proposal) const;
  bool keeps_weights() const {
    return options_.genomes == GenomeKind::kWeights;
  }
  Parent ParentIn(int slot) const;
  absl::Status ReplaceSlot(int64_t candidate, const Replacement& replacement,
                           LinearRecipe recipe);
  absl::Status MakeLayout(int64_t version);
  void ForgetOldLayouts();

  ScheduleOptions options_;
  std::shared_ptr<const GramSums> gram_;
  Archive archive_;
  std::unique_ptr<Search> search_;
  std::vector<std::optional<LinearRecipe>> recipes_;  // per slot
  // Squared norms of the slots' members; empty until they are asked for.
  mutable std::vector<std::vector<double>> norms_;
  std::vector<int64_t> blocks_;  // per chromosome
  LayoutOrderPointer file_order_;
  std::map<int64_t, LayoutOrderPointer> layouts_;
  std::deque<Proposal> open_;
  std::optional<RejectionBound> bound_;  // of the archive as it stands
  int64_t applied_ = 0;
  bool started_ = false;
};

}  // namespace merganser
