// CampaignRunner: taking up a campaign where it was stored.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/genome_proto/genome_proto.h"
#include "coordinator/campaign/campaign_runner.h"
#include "coordinator/campaign/records.h"

namespace merganser {
namespace {

namespace records = ::merganser::storage::v1;

}  // namespace

absl::StatusOr<std::unique_ptr<CampaignRunner>> CampaignRunner::Restore(
    const StoredCampaign& stored, const std::vector<std::string>& curve,
    const Clock& clock) {
  const std::string* spec = FindValue(stored, Collection::kSpec, kOnlyKey);
  const std::string* state = FindValue(stored, Collection::kState, kOnlyKey);
  if (spec == nullptr || state == nullptr) {
    return absl::DataLossError("the stored spec or state is missing");
  }
  ASSIGN_OR_RETURN(records::SpecRecord record,
                   UnpackRecord<records::SpecRecord>(*spec, "spec"));
  ASSIGN_OR_RETURN(ScheduleOptions plan, MakeScheduleOptions(record.spec()));
  std::unique_ptr<CampaignRunner> runner(
      new CampaignRunner(std::move(record), std::move(plan), clock));
  ASSIGN_OR_RETURN(runner->state_,
                   UnpackRecord<records::StateRecord>(*state, "state"));
  runner->active_us_before_ = runner->state_.active_us();
  for (const std::string& point : curve) {
    ASSIGN_OR_RETURN(v1::CurvePoint parsed,
                     UnpackRecord<v1::CurvePoint>(point, "curve point"));
    runner->curve_.push_back(std::move(parsed));
  }
  RETURN_IF_ERROR(runner->RestoreMaps(stored));
  if (runner->state_.seeded()) {
    RETURN_IF_ERROR(runner->RestoreSchedule(stored));
  }
  if (runner->ended()) return runner;
  if (runner->started()) {
    runner->AddOpenSearchJobs(0);
    for (int k = -runner->seeds(); k < 0; ++k) runner->AddHoldoutJob(k);
    for (const v1::CurvePoint& point : runner->curve_) {
      runner->AddHoldoutJob(point.candidate());
    }
    runner->ApplyReady();
    return runner;
  }
  if (runner->gram_ == nullptr && !runner->keeps_weights()) {
    runner->new_jobs_.push_back({runner->uid(), JobKind::kGram, 0});
  }
  for (int k = -runner->seeds(); k < 0; ++k) {
    if (!runner->seed_scores_.contains(k)) {
      runner->new_jobs_.push_back({runner->uid(), JobKind::kSeed, k});
    }
  }
  runner->Advance();
  return runner;
}

absl::Status CampaignRunner::RestoreMaps(const StoredCampaign& stored) {
  if (const std::string* gram =
          FindValue(stored, Collection::kGram, kOnlyKey)) {
    absl::StatusOr<GramSums> parsed = GramSums::Parse(*gram);
    if (!parsed.ok()) return Annotate(parsed.status(), "the stored Gram sums");
    gram_ = std::make_shared<const GramSums>(*std::move(parsed));
    gram_bytes_ = *gram;
  }
  for (const auto& [key, bytes] : ValuesOf(stored, Collection::kResults)) {
    if (key >= 0) continue;
    ASSIGN_OR_RETURN(const records::ResultRecord record,
                     UnpackRecord<records::ResultRecord>(bytes, "result"));
    ASSIGN_OR_RETURN(
        seed_scores_[key],
        UnpackScores(kind(), plan_.archive.datapoints, record.scores()));
    if (record.has_weights()) seed_weights_[key] = record.weights();
  }
  for (const auto& [key, bytes] : ValuesOf(stored, Collection::kCandidates)) {
    ASSIGN_OR_RETURN(candidates_[key], UnpackRecord<records::CandidateRecord>(
                                           bytes, "candidate"));
  }
  for (const auto& [key, bytes] : ValuesOf(stored, Collection::kHoldout)) {
    ASSIGN_OR_RETURN(const records::HoldoutRecord record,
                     UnpackRecord<records::HoldoutRecord>(bytes, "holdout"));
    ASSIGN_OR_RETURN(
        const std::vector<uint32_t> scores,
        UnpackScores(kind(), holdout_tasks_.back().end, record.scores()));
    holdout_[key] = {record.accuracy(),
                     TaskAccuracies(kind(), holdout_tasks_, scores)};
  }
  return absl::OkStatus();
}

absl::Status CampaignRunner::RestoreSchedule(const StoredCampaign& stored) {
  if (gram_ == nullptr && !keeps_weights()) {
    return absl::DataLossError("the stored Gram sums are missing");
  }
  ASSIGN_OR_RETURN(schedule_, OrderedSchedule::Create(plan_, gram_));
  std::vector<std::optional<StoredSlot>> slots(plan_.archive.population);
  for (const auto& [slot, bytes] : ValuesOf(stored, Collection::kSlots)) {
    if (slot < 0 || slot >= plan_.archive.population) {
      return absl::DataLossError(absl::StrCat("there is no slot ", slot));
    }
    ASSIGN_OR_RETURN(slots[slot],
                     UnpackSlot(kind(), plan_.archive.datapoints, bytes));
  }
  std::vector<Proposal> open;
  for (const auto& [n, bytes] : ValuesOf(stored, Collection::kProposals)) {
    ASSIGN_OR_RETURN(Proposal proposal,
                     UnpackProposal(plan_, candidates_, bytes));
    open.push_back(std::move(proposal));
  }
  std::map<int64_t, LayoutOrderPointer> layouts;
  for (const auto& [version, bytes] : ValuesOf(stored, Collection::kLayouts)) {
    ASSIGN_OR_RETURN(layouts[version],
                     UnpackLayout(plan_.archive.datapoints, bytes));
  }
  RETURN_IF_ERROR(schedule_->Restore(applied(), std::move(slots),
                                     std::move(open), std::move(layouts)));
  slot_changed_.assign(plan_.archive.population, applied());
  return RestoreChildren(stored);
}

absl::Status CampaignRunner::RestoreChildren(const StoredCampaign& stored) {
  for (const auto& [key, bytes] : ValuesOf(stored, Collection::kResults)) {
    if (key >= 0) RETURN_IF_ERROR(RestoreResult(key, bytes));
  }
  return absl::OkStatus();
}

absl::Status CampaignRunner::RestoreResult(int64_t candidate,
                                           const std::string& bytes) {
  const Proposal* proposal = schedule_->Find(candidate);
  if (proposal == nullptr) {
    return absl::DataLossError(absl::StrCat("there is a result of candidate ",
                                            candidate, ", not open"));
  }
  ASSIGN_OR_RETURN(const records::ResultRecord record,
                   UnpackRecord<records::ResultRecord>(bytes, "result"));
  ChildScores& child = children_[candidate];
  child.quarantine_error = record.quarantine_error();
  if (!child.quarantine_error.empty()) return absl::OkStatus();
  if (record.has_weights()) {
    child.weights = {record.weights(), record.chromosomes()};
  }
  const LayoutOrderPointer order = schedule_->layout(proposal->layout_version);
  if (record.known_chunks().empty()) {
    ASSIGN_OR_RETURN(
        std::vector<uint32_t> scores,
        UnpackScores(kind(), plan_.archive.datapoints, record.scores()));
    child.chunks.emplace(kind(), plan_.tasks, order, std::move(scores));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(child.chunks,
                   ChunkAssembly::Unpack(kind(), plan_.tasks, order,
                                         {.known_chunks = record.known_chunks(),
                                          .scores = record.scores()}));
  child.parked = record.parked();
  child.round = record.round();
  child.was_parked = child.parked || child.round > 0;
  return absl::OkStatus();
}

}  // namespace merganser
