#include "coordinator/campaign/campaign_runner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/genome_proto/genome_proto.h"
#include "coordinator/campaign/records.h"

namespace merganser {

namespace records = ::merganser::storage::v1;

bool IsEnded(v1::CampaignState state) {
  return state == v1::CAMPAIGN_STATE_COMPLETED ||
         state == v1::CAMPAIGN_STATE_CANCELLED ||
         state == v1::CAMPAIGN_STATE_FAILED;
}

absl::StatusOr<std::unique_ptr<CampaignRunner>> CampaignRunner::Create(
    records::SpecRecord record, const Clock& clock) {
  ASSIGN_OR_RETURN(ScheduleOptions plan, MakeScheduleOptions(record.spec()));
  // What only the archive and the search can judge is judged now.
  RETURN_IF_ERROR(Archive::Create(plan.archive).status());
  RETURN_IF_ERROR(CreateSearch(plan.search).status());
  std::unique_ptr<CampaignRunner> runner(
      new CampaignRunner(std::move(record), std::move(plan), clock));
  runner->state_.set_budget_evaluations(runner->spec().budget().evaluations());
  runner->writes_.Put(Collection::kSpec, kOnlyKey,
                      runner->spec_.SerializeAsString());
  runner->SetState(v1::CAMPAIGN_STATE_PREPARING);
  if (!runner->keeps_weights()) {
    runner->new_jobs_.push_back({runner->uid(), JobKind::kGram, 0});
  }
  for (int k = -runner->seeds(); k < 0; ++k) {
    runner->new_jobs_.push_back({runner->uid(), JobKind::kSeed, k});
  }
  return runner;
}

CampaignRunner::CampaignRunner(records::SpecRecord record, ScheduleOptions plan,
                               const Clock& clock)
    : clock_(clock),
      spec_(std::move(record)),
      plan_(std::move(plan)),
      dealer_(plan_.tasks, plan_.shards),
      holdout_tasks_(HoldoutExtents(spec_.spec())) {
  if (!keeps_weights()) return;
  const absl::StatusOr<DType> dtype = WeightsDTypeOf(spec());
  weights_bytes_ =
      plan_.layout.parameters.length * DTypeBytes(dtype.value_or(DType::kF32));
}

bool CampaignRunner::ended() const { return IsEnded(state()); }

absl::Status CampaignRunner::Pause() {
  if (ended()) {
    return absl::FailedPreconditionError(
        absl::StrCat("campaign ", name(), " has ended; nothing to pause"));
  }
  if (paused()) return absl::OkStatus();
  state_.set_paused_from(state());
  SetState(v1::CAMPAIGN_STATE_PAUSED, "paused by request");
  return absl::OkStatus();
}

absl::Status CampaignRunner::Resume() {
  if (ended()) {
    return absl::FailedPreconditionError(
        absl::StrCat("campaign ", name(), " has ended; it cannot go on"));
  }
  if (!paused()) return absl::OkStatus();
  SetState(state_.paused_from());
  Advance();
  return absl::OkStatus();
}

absl::Status CampaignRunner::Cancel() {
  if (state() == v1::CAMPAIGN_STATE_CANCELLED) return absl::OkStatus();
  if (ended()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "campaign ", name(), " has ended; there is nothing to cancel"));
  }
  SetState(v1::CAMPAIGN_STATE_CANCELLED, "cancelled by request");
  return absl::OkStatus();
}

absl::Status CampaignRunner::ExtendBudget(int64_t evaluations) {
  if (state() == v1::CAMPAIGN_STATE_CANCELLED ||
      state() == v1::CAMPAIGN_STATE_FAILED) {
    return absl::FailedPreconditionError(
        absl::StrCat("campaign ", name(), " has ended; it cannot go on"));
  }
  const int64_t before = state_.budget_evaluations();
  if (evaluations < before) {
    return absl::InvalidArgumentError(
        absl::StrCat("budget.evaluations: expected at least the present ",
                     before, "; got ", evaluations));
  }
  if (evaluations == before) return absl::OkStatus();
  state_.set_budget_evaluations(evaluations);
  spec_.mutable_spec()->mutable_budget()->set_evaluations(evaluations);
  writes_.Put(Collection::kSpec, kOnlyKey, spec_.SerializeAsString());
  state_changed_ = true;
  if (started()) AddOpenSearchJobs(before);
  if (paused() && state_.paused_from() == v1::CAMPAIGN_STATE_FINISHING) {
    state_.set_paused_from(v1::CAMPAIGN_STATE_RUNNING);
  }
  if (state() == v1::CAMPAIGN_STATE_COMPLETED ||
      state() == v1::CAMPAIGN_STATE_FINISHING) {
    SetState(v1::CAMPAIGN_STATE_RUNNING);
  }
  return absl::OkStatus();
}

void CampaignRunner::SetDeviceClass(const std::string& device_class) {
  state_.set_device_class(device_class);
  state_changed_ = true;
}

absl::Status CampaignRunner::CheckProbe(const std::string& digest) {
  if (device_class() == "any") return absl::OkStatus();
  if (state_.probe_digest().empty()) {
    state_.set_probe_digest(digest);
    state_changed_ = true;
    return absl::OkStatus();
  }
  if (state_.probe_digest() == digest) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "its logits of the first seed differ from those the campaign began "
      "with, although it is of the same device class ",
      device_class()));
}

std::vector<JobKey> CampaignRunner::NewJobs() {
  return std::exchange(new_jobs_, {});
}

std::vector<JobKey> CampaignRunner::ClosedJobs() {
  return std::exchange(closed_jobs_, {});
}

void CampaignRunner::NoteLease() {
  if (!active_since_.has_value()) active_since_ = clock_.Now();
}

void CampaignRunner::SetState(v1::CampaignState state, std::string message) {
  state_.set_state(state);
  state_.set_message(std::move(message));
  state_changed_ = true;
}

void CampaignRunner::Fail(const std::string& message) {
  SetState(v1::CAMPAIGN_STATE_FAILED, message);
}

void CampaignRunner::Advance() {
  if (state() == v1::CAMPAIGN_STATE_PREPARING &&
      (keeps_weights() || gram_ != nullptr) &&
      static_cast<int>(seed_scores_.size()) == seeds()) {
    if (absl::Status status = StartSchedule(); !status.ok()) {
      return Fail(std::string(status.message()));
    }
    SetState(v1::CAMPAIGN_STATE_RUNNING);
  }
  if (state() == v1::CAMPAIGN_STATE_RUNNING &&
      applied() >= state_.budget_evaluations()) {
    SetState(v1::CAMPAIGN_STATE_FINISHING);
  }
  if (state() == v1::CAMPAIGN_STATE_FINISHING && holdout_open_.empty()) {
    blocked_.clear();
    SetState(v1::CAMPAIGN_STATE_COMPLETED);
  }
}

absl::Status CampaignRunner::StartSchedule() {
  ASSIGN_OR_RETURN(schedule_, OrderedSchedule::Create(plan_, gram_));
  std::vector<std::vector<uint32_t>> scores;
  std::vector<Digest> weights;
  for (const auto& [candidate, seed_scores] : seed_scores_) {
    scores.push_back(seed_scores);
    if (!keeps_weights()) continue;
    ASSIGN_OR_RETURN(weights.emplace_back(),
                     Digest::FromBytes(seed_weights_.at(candidate).digest()));
  }
  RETURN_IF_ERROR(schedule_->Start(std::move(scores), weights));
  state_.set_seeded(true);
  slot_changed_.assign(plan_.archive.population, 0);
  for (int64_t k = -seeds(); k < 0; ++k) {
    records::CandidateRecord record = MakeSeedRecord(k);
    writes_.Put(Collection::kCandidates, k, record.SerializeAsString());
    candidates_[k] = std::move(record);
    AddHoldoutJob(k);
  }
  for (int slot = 0; slot < schedule_->archive().population(); ++slot) {
    if (!schedule_->archive().slot(slot).has_value()) continue;
    writes_.Put(Collection::kSlots, slot, PackMember(slot));
  }
  for (const Proposal& proposal : schedule_->open()) {
    writes_.Put(Collection::kProposals, proposal.candidate,
                PackProposal(proposal));
  }
  StoreLayouts({});
  NoteBest();
  AddOpenSearchJobs(0);
  return absl::OkStatus();
}

records::CandidateRecord CampaignRunner::MakeSeedRecord(
    int64_t candidate) const {
  records::CandidateRecord record;
  if (keeps_weights()) {
    *record.mutable_weights() = seed_weights_.at(candidate);
    record.set_genome_digest(record.weights().digest());
  } else {
    const LinearRecipe recipe =
        RecipeOfSeed(plan_, static_cast<int>(candidate + seeds()));
    *record.mutable_recipe() = RecipeToProto(recipe);
    record.set_genome_digest(RecipeDigest(plan_, recipe).ToBytes());
  }
  record.set_search_accuracy(Accuracy(seed_scores_.at(candidate)));
  record.set_accept_time_us(absl::ToUnixMicros(clock_.CalendarNow()));
  return record;
}

std::string CampaignRunner::PackMember(int slot) const {
  const Member& member = *schedule_->archive().slot(slot);
  return keeps_weights() ? PackSlot(kind(), member, weights_bytes_)
                         : PackSlot(kind(), member, *schedule_->recipe(slot));
}

void CampaignRunner::AddOpenSearchJobs(int64_t first) {
  for (const Proposal& proposal : schedule_->open()) {
    if (proposal.candidate < first ||
        proposal.candidate >= state_.budget_evaluations()) {
      continue;
    }
    ChildScores& child = children_[proposal.candidate];
    if (child.complete() || child.parked || !child.quarantine_error.empty()) {
      continue;
    }
    OpenJobs(proposal.candidate, child);
  }
}

void CampaignRunner::AddHoldoutJob(int64_t candidate) {
  if (holdout_tasks_.back().end == 0 || holdout_.contains(candidate) ||
      !holdout_open_.insert(candidate).second) {
    return;
  }
  new_jobs_.push_back({uid(), JobKind::kHoldout, candidate});
}

void CampaignRunner::NoteBest() {
  const std::optional<int64_t> candidate = best();
  if (!candidate.has_value() || (state_.has_curve_candidate() &&
                                 state_.curve_candidate() == *candidate)) {
    return;
  }
  v1::CurvePoint point;
  point.set_evaluations(applied());
  point.set_candidate(*candidate);
  point.set_search_accuracy(candidates_.at(*candidate).search_accuracy());
  point.set_coverage(schedule_->archive().coverage());
  point.set_entropy(schedule_->archive().entropy());
  writes_.Append(ListCollection::kCurve, point.SerializeAsString());
  curve_.push_back(std::move(point));
  state_.set_curve_candidate(*candidate);
  state_changed_ = true;
  AddHoldoutJob(*candidate);
}

double CampaignRunner::Accuracy(const std::vector<uint32_t>& scores) const {
  double solved = 0;
  double all = 0;
  for (size_t j = 0; j < scores.size(); ++j) {
    const double weight = plan_.archive.task_weight[j];
    solved += weight * scores[j];
    all += weight;
  }
  return all == 0 ? 0 : solved / all / FullScore(kind());
}

Batch CampaignRunner::TakeBatch() {
  if (dirty()) {
    writes_.Put(Collection::kState, kOnlyKey, state_.SerializeAsString());
  }
  state_changed_ = false;
  return writes_.Take();
}

}  // namespace merganser
