#include "client/replay/replay.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/replay/archive_check.h"
#include "client/replay/proposal_check.h"
#include "client/replay/replay_weights.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/proposal_proto.h"
#include "common/campaign_spec/validate.h"
#include "common/evolution/scores.h"

namespace merganser {
namespace {

constexpr int64_t kProgressInterval = 256;

// Neither given up nor rejected early: the scores are complete, and the child's
// weights were told of.
bool WasEvaluated(const v1::LogEntry& entry) {
  return entry.quarantine_error().empty() && entry.known_chunks().empty();
}

class Replayer {
 public:
  Replayer(RecordReader& record, ReplayObserver* observer,
           DifferenceList& differences, OrderedSchedule schedule,
           std::unique_ptr<WeightsReplay> weights)
      : header_(record.header()),
        record_(record),
        observer_(observer),
        differences_(differences),
        schedule_(std::move(schedule)),
        weights_(std::move(weights)),
        parents_(schedule_.archive().population()) {}

  absl::StatusOr<ReplayOutcome> Run(
      const std::function<void(int64_t)>& progress) {
    RETURN_IF_ERROR(Start());
    while (true) {
      ASSIGN_OR_RETURN(const auto entry, record_.Next());
      if (!entry.has_value()) break;
      RETURN_IF_ERROR(ApplyEntry(*entry));
      ++outcome_.results;
      if (progress && outcome_.results % kProgressInterval == 0) {
        progress(outcome_.results);
      }
    }
    outcome_.archive_digest = schedule_.archive_digest();
    RETURN_IF_ERROR(FindWinner());
    CompareArchive(schedule_, outcome_, header_, differences_);
    return std::move(outcome_);
  }

 private:
  const ArchiveOptions& archive_options() const {
    return schedule_.options().archive;
  }

  absl::StatusOr<std::vector<uint32_t>> Unpack(const std::string& where,
                                               const std::string& packed) {
    auto scores = UnpackScores(archive_options().kind,
                               archive_options().datapoints, packed);
    if (!scores.ok()) {
      return absl::DataLossError(
          absl::StrCat(where, ": scores: ", scores.status().message()));
    }
    return scores;
  }

  // What the entry says of the child's scores; nothing if it was given up.
  absl::StatusOr<ChunkAssembly> UnpackEntry(const std::string& where,
                                            const v1::LogEntry& entry,
                                            LayoutOrderPointer layout) {
    const ScoreKind kind = archive_options().kind;
    const std::vector<TaskExtent>& tasks = schedule_.options().tasks;
    if (!entry.quarantine_error().empty()) {
      differences_.Compare(where, "bytes of scores of a quarantined child", 0,
                           static_cast<int64_t>(entry.scores().size()));
      return ChunkAssembly(kind, tasks, std::move(layout));
    }
    if (entry.known_chunks().empty()) {
      ASSIGN_OR_RETURN(std::vector<uint32_t> scores,
                       Unpack(where, entry.scores()));
      return ChunkAssembly(kind, tasks, std::move(layout), std::move(scores));
    }
    auto known = ChunkAssembly::Unpack(
        kind, tasks, std::move(layout),
        {.known_chunks = entry.known_chunks(), .scores = entry.scores()});
    if (known.ok()) return known;
    return absl::DataLossError(
        absl::StrCat(where, ": ", known.status().message()));
  }

  // A child that was rejected early must be one that its archive rejects. If it
  // is not, the replay goes on as the record did.
  absl::StatusOr<AppliedResult> Apply(
      const std::string& where, int64_t candidate, const v1::LogEntry& entry,
      const ChunkAssembly& scores, const std::optional<RemadeWeights>& made) {
    if (!entry.quarantine_error().empty()) {
      ++outcome_.quarantined;
      return schedule_.Apply(candidate, std::nullopt);
    }
    if (entry.known_chunks().empty()) {
      if (!made.has_value()) return schedule_.Apply(candidate, scores.scores());
      return schedule_.Apply(candidate, scores.scores(), made->digest);
    }
    ++outcome_.rejected_early;
    if (schedule_.Rejects(scores)) {
      return schedule_.ApplyRejected(candidate, scores);
    }
    differences_.Add({where, "known_chunks",
                      "scores that prove that the child had to be dropped",
                      "scores that do not"});
    return schedule_.Apply(candidate, std::nullopt);
  }

  absl::Status Start() {
    if (observer_ != nullptr) {
      RETURN_IF_ERROR(observer_->OnStart(header_.campaign().spec(),
                                         schedule_.options().tasks));
    }
    std::vector<std::vector<uint32_t>> scores;
    for (const std::string& packed : header_.seed_scores()) {
      ASSIGN_OR_RETURN(
          scores.emplace_back(),
          Unpack(absl::StrCat("header, seed ", scores.size()), packed));
    }
    const size_t seeds = schedule_.options().seed_digests.size();
    if (scores.size() != seeds) {
      return absl::DataLossError(absl::StrCat(
          "header: seed_scores: expected those of ", seeds, " seeds; found ",
          scores.size(), scores.empty() ? "; has the campaign begun?" : ""));
    }
    std::vector<Digest> weights;
    if (weights_ != nullptr) {
      ASSIGN_OR_RETURN(weights, weights_->MakeSeeds(static_cast<int>(seeds)));
      outcome_.weights_size_bytes = weights_->size_bytes();
    }
    RETURN_IF_ERROR(schedule_.Start(std::move(scores), weights));
    RETURN_IF_ERROR(ShowSeeds(weights));
    if (weights_ != nullptr) weights_->ForgetUnneeded(schedule_);
    return absl::OkStatus();
  }

  absl::Status ShowSeeds(const std::vector<Digest>& weights) {
    if (observer_ == nullptr) return absl::OkStatus();
    const std::vector<Digest>& digests = schedule_.options().seed_digests;
    const int seeds = static_cast<int>(digests.size());
    for (int k = 0; k < seeds; ++k) {
      const LinearRecipe recipe = RecipeOfSeed(schedule_.options(), k);
      const bool random = weights_ != nullptr;
      const Digest genome =
          random ? digests[k] : RecipeDigest(schedule_.options(), recipe);
      ASSIGN_OR_RETURN(std::vector<uint32_t> scores,
                       Unpack("header", header_.seed_scores(k)));
      const ChunkAssembly chunks(archive_options().kind,
                                 schedule_.options().tasks,
                                 schedule_.file_order(), std::move(scores));
      RETURN_IF_ERROR(
          observer_->OnCandidate({.number = k - seeds,
                                  .recipe = random ? nullptr : &recipe,
                                  .weights = random ? &weights[k] : nullptr,
                                  .genome = genome,
                                  .layout = schedule_.file_order(),
                                  .scores = chunks,
                                  .accepted = true}));
    }
    return absl::OkStatus();
  }

  absl::Status ApplyEntry(const v1::LogEntry& entry) {
    const std::string where = absl::StrCat("log entry ", outcome_.results);
    const Proposal* open = schedule_.options().async
                               ? schedule_.Find(entry.proposal().candidate())
                               : &schedule_.open().front();
    if (open == nullptr) {
      return absl::DataLossError(
          absl::StrCat(where, ": candidate ", entry.proposal().candidate(),
                       " could not be applied at this place"));
    }
    // A copy: applying it takes it apart.
    Proposal proposal = *open;
    const LayoutOrderPointer layout = schedule_.layout(proposal.layout_version);
    ASSIGN_OR_RETURN(std::optional<RemadeWeights> made,
                     Remake(where, proposal, entry));
    CompareProposals(where, ProposalToProto(proposal), entry.proposal(),
                     differences_);
    ASSIGN_OR_RETURN(const ChunkAssembly scores,
                     UnpackEntry(where, entry, layout));
    ASSIGN_OR_RETURN(const AppliedResult result,
                     Apply(where, proposal.candidate, entry, scores, made));
    CompareResult(where, result, entry);
    if (result.accepted) {
      ++outcome_.accepted;
      parents_[result.dropped_slot] = {proposal.parent_a, proposal.parent_b};
    }
    if (entry.quarantine_error().empty()) {
      RETURN_IF_ERROR(Show(proposal, made, layout, scores, result.accepted));
    }
    return UpdateWeights(std::move(proposal), std::move(made), result.accepted);
  }

  // The child's weights, if they are kept and the record must know them; gives
  // the proposal its coefficients.
  absl::StatusOr<std::optional<RemadeWeights>> Remake(
      const std::string& where, Proposal& proposal, const v1::LogEntry& entry) {
    if (weights_ == nullptr) return std::nullopt;
    std::optional<RemadeWeights> made;
    std::optional<Digest> digest;
    if (WasEvaluated(entry)) {
      ASSIGN_OR_RETURN(made, weights_->Make(proposal));
      proposal.coefficients = made->crossovers;
      digest = made->digest;
    }
    weights_->CompareRef(where, digest, entry, differences_);
    return made;
  }

  absl::Status Show(const Proposal& proposal,
                    const std::optional<RemadeWeights>& made,
                    const LayoutOrderPointer& layout,
                    const ChunkAssembly& scores, bool accepted) {
    if (observer_ == nullptr) return absl::OkStatus();
    ReplayObserver::Candidate candidate{
        .number = proposal.candidate,
        .genome = proposal.genome,
        .layout_version = proposal.layout_version,
        .layout = layout,
        .scores = scores,
        .accepted = accepted};
    if (weights_ == nullptr) {
      candidate.recipe = &proposal.recipe;
      return observer_->OnCandidate(candidate);
    }
    const v1::Offspring offspring = weights_->OffspringOf(proposal);
    candidate.offspring = &offspring;
    if (made.has_value()) candidate.weights = &made->digest;
    return observer_->OnCandidate(candidate);
  }

  absl::Status UpdateWeights(Proposal proposal,
                             std::optional<RemadeWeights> made, bool accepted) {
    if (weights_ == nullptr) return absl::OkStatus();
    if (accepted) {
      RETURN_IF_ERROR(weights_->Keep(std::move(proposal), *std::move(made)));
    }
    weights_->ForgetUnneeded(schedule_);
    return absl::OkStatus();
  }

  void CompareResult(const std::string& where, const AppliedResult& result,
                     const v1::LogEntry& entry) {
    differences_.Compare(where, "dropped_slot", result.dropped_slot,
                         entry.dropped_slot());
    differences_.Compare(where, "child_fitness",
                         absl::StrCat(result.child_fitness.units()),
                         absl::StrCat(entry.child_fitness()));
  }

  absl::Status FindWinner() {
    const std::optional<int> best = schedule_.archive().best_slot();
    if (!best.has_value()) return absl::OkStatus();
    const Member& member = *schedule_.archive().slot(*best);
    outcome_.winner = {.campaign = header_.campaign().name(),
                       .uid = header_.campaign().uid(),
                       .candidate = member.sequence_number,
                       .genome = member.genome,
                       .recipe = *schedule_.recipe(*best),
                       .parents = parents_[*best]};
    if (weights_ == nullptr) return absl::OkStatus();
    ASSIGN_OR_RETURN(outcome_.winner.ancestors,
                     weights_->AncestorsOf(member.sequence_number));
    return absl::OkStatus();
  }

  const v1::ExportHeader& header_;
  RecordReader& record_;
  ReplayObserver* observer_;
  DifferenceList& differences_;
  OrderedSchedule schedule_;
  std::unique_ptr<WeightsReplay> weights_;     // null where recipes are kept
  std::vector<std::vector<int64_t>> parents_;  // [slots]; empty for a seed
  ReplayOutcome outcome_;
};

}  // namespace

absl::StatusOr<ReplayOutcome> Replay(
    RecordReader& record, ReplayObserver* observer,
    const std::function<void(int64_t)>& progress, ThreadTeam& team,
    DifferenceList& differences) {
  const v1::CampaignSpec& spec = record.header().campaign().spec();
  RETURN_IF_ERROR(Annotate(ValidateSpec(spec, {.require_resolved = true}),
                           "header: campaign.spec"));
  ASSIGN_OR_RETURN(ScheduleOptions options, MakeScheduleOptions(spec));
  std::unique_ptr<WeightsReplay> weights;
  if (options.genomes == GenomeKind::kWeights) {
    ASSIGN_OR_RETURN(weights, WeightsReplay::Create(spec, observer, team));
  }
  auto schedule = OrderedSchedule::Create(std::move(options), record.gram());
  if (!schedule.ok()) return Annotate(schedule.status(), "header");
  return Replayer(record, observer, differences, *std::move(schedule),
                  std::move(weights))
      .Run(progress);
}

}  // namespace merganser
