#include "common/schedule/ordered_schedule.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"
#include "common/evolution/layout.h"
#include "common/genome/offspring_digest.h"

namespace merganser {
namespace {

absl::Status CheckTasks(const ScheduleOptions& options) {
  int64_t next = 0;
  for (const TaskExtent& task : options.tasks) {
    if (task.begin != next || task.end <= task.begin || task.chunk_size < 1) {
      return absl::InvalidArgumentError(
          "tasks must follow one another, each with a datapoint and a chunk "
          "size of at least 1");
    }
    next = task.end;
  }
  if (next != options.archive.datapoints) {
    return absl::InvalidArgumentError(absl::StrCat("the tasks have ", next,
                                                   " datapoints; the archive ",
                                                   options.archive.datapoints));
  }
  return absl::OkStatus();
}

absl::Status CheckWeights(const ScheduleOptions& options) {
  if (!options.base_digest.has_value() && options.coefficient_sigma == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "a base, or noise on coefficients, where weights are kept");
}

absl::Status CheckOptions(const ScheduleOptions& options,
                          const GramSums* gram) {
  RETURN_IF_ERROR(CheckTasks(options));
  if (options.window < 1) {
    return absl::InvalidArgumentError("schedule.window: must be at least 1");
  }
  if (options.seed_digests.empty()) {
    return absl::InvalidArgumentError("seeds: at least one is needed");
  }
  // Written so that NaN is refused.
  if (!(options.coefficient_sigma >= 0)) {
    return absl::InvalidArgumentError(
        "search.coefficient_mutation: must be at least 0");
  }
  if (options.genomes == GenomeKind::kWeights) return CheckWeights(options);
  if (gram == nullptr) {
    return absl::InvalidArgumentError("the seeds' Gram sums are missing");
  }
  return gram->CheckMatches(static_cast<int>(options.seed_digests.size()),
                            options.layout.chromosomes);
}

bool IsBefore(const Proposal& proposal, int64_t candidate) {
  return proposal.candidate < candidate;
}

absl::Status OutOfTurn(int64_t candidate) {
  return absl::FailedPreconditionError(absl::StrCat(
      "candidate ", candidate, " is not the one to be applied next"));
}

}  // namespace

LinearRecipe RecipeOfSeed(const ScheduleOptions& options, int k) {
  const auto seeds = static_cast<int>(options.seed_digests.size());
  return SeedRecipe(k, options.base_digest.has_value() ? seeds + 1 : seeds,
                    static_cast<int>(options.layout.chromosomes.size()));
}

Digest RecipeDigest(const ScheduleOptions& options,
                    const LinearRecipe& recipe) {
  if (!options.base_digest.has_value()) {
    return GenomeDigest(recipe, options.seed_digests);
  }
  std::vector<Digest> digests = options.seed_digests;
  digests.push_back(*options.base_digest);
  return GenomeDigest(recipe, digests);
}

LinearRecipe ChildRecipe(const ScheduleOptions& options, const LinearRecipe& a,
                         const LinearRecipe& b, const Proposal& proposal) {
  const Origin origin =
      options.base_digest.has_value() ? Origin::kBase : Origin::kZero;
  const CoefficientMutation mutation{.campaign_seed = options.random_seed,
                                     .sequence_number = proposal.candidate,
                                     .sigma = options.coefficient_sigma};
  return Mutate(
      proposal.crossover ? Cross(a, b, proposal.coefficients, origin) : a,
      options.layout.chromosomes, mutation, origin);
}

Digest ChildDefinition(const ScheduleOptions& options, const Digest& parent_a,
                       const Digest& parent_b, const Proposal& proposal) {
  return OffspringDigest(
      {.parent_a = parent_a,
       .parent_b = parent_b,
       .crossover = proposal.crossover,
       .draw = {proposal.split_blocks, proposal.mixes},
       .mutation = {.key = {options.random_seed, proposal.candidate},
                    .sigma = options.mutation_sigma}});
}

absl::StatusOr<OrderedSchedule> OrderedSchedule::Create(
    ScheduleOptions options, std::shared_ptr<const GramSums> gram) {
  RETURN_IF_ERROR(CheckOptions(options, gram.get()));
  options.archive.alpha = EffectiveAlpha(options.search, options.archive.alpha);
  ASSIGN_OR_RETURN(Archive archive, Archive::Create(options.archive));
  ASSIGN_OR_RETURN(std::unique_ptr<Search> search,
                   CreateSearch(options.search));
  return OrderedSchedule(std::move(options), std::move(gram),
                         std::move(archive), std::move(search));
}

OrderedSchedule::OrderedSchedule(ScheduleOptions options,
                                 std::shared_ptr<const GramSums> gram,
                                 Archive archive,
                                 std::unique_ptr<Search> search)
    : options_(std::move(options)),
      gram_(std::move(gram)),
      archive_(std::move(archive)),
      search_(std::move(search)),
      recipes_(archive_.population()),
      norms_(archive_.population()),
      file_order_(std::make_shared<const std::vector<uint32_t>>(
          FileOrder(0, archive_.datapoints()))) {
  for (const ChromosomeLayout& chromosome : options_.layout.chromosomes) {
    blocks_.push_back(chromosome.blocks);
  }
}

absl::Status OrderedSchedule::Start(
    std::vector<std::vector<uint32_t>> seed_scores,
    const std::vector<Digest>& seed_weights) {
  if (started_) {
    return absl::FailedPreconditionError("the schedule has started already");
  }
  const int seeds = static_cast<int>(options_.seed_digests.size());
  if (static_cast<int>(seed_scores.size()) != seeds) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected scores of ", seeds, " seeds; got ", seed_scores.size()));
  }
  if (seed_weights.size() != (keeps_weights() ? seed_scores.size() : 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("got digests of the weights of ", seed_weights.size(),
                     " seeds, with scores of ", seeds));
  }
  for (int k = 0; k < seeds; ++k) {
    LinearRecipe recipe;
    Member member{k - seeds, {}, std::move(seed_scores[k])};
    if (keeps_weights()) {
      member.genome = seed_weights[k];
    } else {
      recipe = RecipeOfSeed(options_, k);
      member.genome = RecipeDigest(options_, recipe);
    }
    ASSIGN_OR_RETURN(const Replacement replacement,
                     search_->Apply(archive_, std::move(member)));
    RETURN_IF_ERROR(ReplaceSlot(k - seeds, replacement, std::move(recipe)));
  }
  RETURN_IF_ERROR(MakeLayout(0));
  started_ = true;
  for (int64_t i = 0; i < options_.window; ++i) RETURN_IF_ERROR(Draw());
  return absl::OkStatus();
}

absl::Status OrderedSchedule::Restore(
    int64_t applied, std::vector<std::optional<StoredSlot>> slots,
    std::vector<Proposal> open, std::map<int64_t, LayoutOrderPointer> layouts) {
  if (static_cast<int>(slots.size()) != archive_.population()) {
    return absl::InvalidArgumentError("slots: not as many as the population");
  }
  std::map<int, std::optional<Member>> members;
  for (int i = 0; i < archive_.population(); ++i) {
    if (!slots[i].has_value()) continue;
    members[i] = std::move(slots[i]->member);
    recipes_[i] = std::move(slots[i]->recipe);
  }
  RETURN_IF_ERROR(archive_.Restore(std::move(members)));
  applied_ = applied;
  layouts_ = std::move(layouts);
  if (static_cast<int64_t>(open.size()) != options_.window) {
    return absl::InvalidArgumentError(
        absl::StrCat("proposals: expected ", options_.window,
                     " open ones; got ", open.size()));
  }
  for (int64_t i = 0; i < options_.window; ++i) {
    const int64_t n = open[i].candidate;
    const bool expected = options_.async
                              ? n >= 0 && n < applied + options_.window &&
                                    (i == 0 || n > open_.back().candidate)
                              : n == applied + i;
    if (!expected || !layouts_.contains(open[i].layout_version)) {
      return absl::InvalidArgumentError(
          absl::StrCat("proposals: the one at place ", i, ", number ", n,
                       ", is not the expected one or lacks its chunk layout"));
    }
    open_.push_back(std::move(open[i]));
  }
  if (!layouts_.contains(applied_ / kLayoutInterval)) {
    return absl::InvalidArgumentError("layouts: the newest one is missing");
  }
  started_ = true;
  return absl::OkStatus();
}

bool OrderedSchedule::IsNext(int64_t candidate) const {
  if (!started_) return false;
  return options_.async ? Find(candidate) != nullptr
                        : open_.front().candidate == candidate;
}

absl::StatusOr<AppliedResult> OrderedSchedule::Apply(
    int64_t candidate, std::optional<std::vector<uint32_t>> scores,
    const std::optional<Digest>& weights) {
  if (!IsNext(candidate)) return OutOfTurn(candidate);
  if (scores.has_value() && keeps_weights() && !weights.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "candidate ", candidate, ": the digest of its weights is missing"));
  }
  const auto place = FindOpen(candidate);
  Proposal& proposal = *place;
  AppliedResult result{.candidate = proposal.candidate,
                       .dropped_slot = archive_.population()};
  if (scores.has_value()) {
    Member member{proposal.candidate,
                  keeps_weights() ? *weights : proposal.genome,
                  *std::move(scores)};
    ASSIGN_OR_RETURN(const Replacement replacement,
                     search_->Apply(archive_, std::move(member)));
    result.dropped_slot = replacement.dropped_slot;
    result.accepted = replacement.accepted;
    result.child_fitness = replacement.child_fitness;
    RETURN_IF_ERROR(ReplaceSlot(proposal.candidate, replacement,
                                std::move(proposal.recipe)));
    if (replacement.accepted) bound_.reset();
  }
  RETURN_IF_ERROR(MoveOn(place));
  return result;
}

bool OrderedSchedule::Rejects(const ChunkAssembly& known) {
  if (!bound_.has_value()) bound_.emplace(archive_);
  RejectionBound::Standing standing;
  bound_->Begin(standing);
  const std::vector<uint32_t> datapoints = known.KnownDatapoints();
  std::vector<uint32_t> scores;
  scores.reserve(datapoints.size());
  for (const uint32_t j : datapoints) scores.push_back(known.scores()[j]);
  bound_->Observe(archive_, datapoints, scores, standing);
  return bound_->Rejects(standing);
}

absl::StatusOr<AppliedResult> OrderedSchedule::ApplyRejected(
    int64_t candidate, const ChunkAssembly& known) {
  if (!IsNext(candidate)) return OutOfTurn(candidate);
  if (!Rejects(known)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the known scores of candidate ", candidate,
                     " do not prove that the archive has to drop it"));
  }
  RETURN_IF_ERROR(MoveOn(FindOpen(candidate)));
  return AppliedResult{.candidate = candidate,
                       .dropped_slot = archive_.population()};
}

absl::Status OrderedSchedule::MoveOn(std::deque<Proposal>::iterator applied) {
  open_.erase(applied);
  ++applied_;
  if (applied_ % kLayoutInterval == 0) {
    RETURN_IF_ERROR(MakeLayout(applied_ / kLayoutInterval));
  }
  RETURN_IF_ERROR(Draw());
  ForgetOldLayouts();
  return absl::OkStatus();
}

const Proposal* OrderedSchedule::Find(int64_t candidate) const {
  const auto found =
      std::lower_bound(open_.begin(), open_.end(), candidate, IsBefore);
  if (found == open_.end() || found->candidate != candidate) return nullptr;
  return &*found;
}

std::deque<Proposal>::iterator OrderedSchedule::FindOpen(int64_t candidate) {
  return std::lower_bound(open_.begin(), open_.end(), candidate, IsBefore);
}

LayoutOrderPointer OrderedSchedule::layout(int64_t version) const {
  const auto found = layouts_.find(version);
  return found == layouts_.end() ? nullptr : found->second;
}

int64_t OrderedSchedule::LayoutVersion(int64_t candidate) const {
  return std::max<int64_t>(0, candidate - options_.window + 1) /
         kLayoutInterval;
}

absl::Status OrderedSchedule::Draw() {
  Proposal proposal;
  proposal.candidate = applied_ + static_cast<int64_t>(open_.size());
  proposal.layout_version = LayoutVersion(proposal.candidate);
  const DrawStream draws(options_.random_seed, proposal.candidate);
  ASSIGN_OR_RETURN(const ProposalDraw draw,
                   search_->Propose(archive_, draws, blocks_));
  RETURN_IF_ERROR(Breed(draw, proposal));
  open_.push_back(std::move(proposal));
  return absl::OkStatus();
}

absl::Status OrderedSchedule::Breed(const ProposalDraw& draw,
                                    Proposal& proposal) const {
  const auto& a = archive_.slot(draw.slot_a);
  const auto& b = archive_.slot(draw.slot_b);
  if (!a.has_value() || !b.has_value()) {
    return absl::InternalError("a parent was drawn from an empty slot");
  }
  proposal.parent_a = a->sequence_number;
  proposal.parent_b = b->sequence_number;
  proposal.crossover = draw.crossover;
  if (draw.crossover) {
    proposal.split_blocks = draw.split_blocks;
    proposal.mixes = draw.mixes;
  }
  if (keeps_weights()) {
    proposal.genome = ChildDefinition(options_, a->genome, b->genome, proposal);
    return absl::OkStatus();
  }
  BreedRecipe(draw, proposal);
  proposal.genome = RecipeDigest(options_, proposal.recipe);
  return absl::OkStatus();
}

void OrderedSchedule::BreedRecipe(const ProposalDraw& draw,
                                  Proposal& proposal) const {
  if (draw.crossover) {
    proposal.coefficients = CrossoverCoefficients(
        *gram_, ParentIn(draw.slot_a), ParentIn(draw.slot_b),
        CrossoverDraw{draw.split_blocks, draw.mixes});
  }
  proposal.recipe = ChildRecipe(options_, *recipes_[draw.slot_a],
                                *recipes_[draw.slot_b], proposal);
}

Parent OrderedSchedule::ParentIn(int slot) const {
  if (norms_[slot].empty()) {
    norms_[slot] = SquaredNorms(*gram_, *recipes_[slot]);
  }
  return {*recipes_[slot], norms_[slot]};
}

absl::Status OrderedSchedule::ReplaceSlot(int64_t candidate,
                                          const Replacement& replacement,
                                          LinearRecipe recipe) {
  if (!replacement.accepted) return absl::OkStatus();
  const auto& slot = archive_.slot(replacement.dropped_slot);
  if (!slot.has_value() || slot->sequence_number != candidate) {
    return absl::InternalError("the accepted child is not in its slot");
  }
  recipes_[replacement.dropped_slot] = std::move(recipe);
  norms_[replacement.dropped_slot].clear();
  return absl::OkStatus();
}

absl::Status OrderedSchedule::MakeLayout(int64_t version) {
  std::vector<uint32_t> order;
  order.reserve(archive_.datapoints());
  for (const TaskExtent& task : options_.tasks) {
    ASSIGN_OR_RETURN(const std::vector<uint32_t> part,
                     LayoutOrder(archive_, task.begin, task.end));
    order.insert(order.end(), part.begin(), part.end());
  }
  layouts_[version] =
      std::make_shared<const std::vector<uint32_t>>(std::move(order));
  return absl::OkStatus();
}

void OrderedSchedule::ForgetOldLayouts() {
  const int64_t oldest = open_.front().layout_version;
  layouts_.erase(layouts_.begin(), layouts_.lower_bound(oldest));
}

}  // namespace merganser
