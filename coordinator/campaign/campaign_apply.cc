// CampaignRunner: children whose turn has come, and the archive.
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/campaign_spec/proposal_proto.h"
#include "common/genome_proto/genome_proto.h"
#include "coordinator/campaign/campaign_runner.h"
#include "coordinator/campaign/records.h"

namespace merganser {

namespace records = ::merganser::storage::v1;

void CampaignRunner::ApplyReady() {
  bool moved = true;
  while (moved && applied() < state_.budget_evaluations() && !ended()) {
    moved = false;
    // In order only the oldest has its turn; else each that is ready.
    for (auto child = children_.begin(); child != children_.end();) {
      const int64_t candidate = (child++)->first;
      if (!schedule_->IsNext(candidate)) break;
      if (ApplyOrResume(candidate)) moved = true;
      if (ended()) return;
    }
  }
  Advance();
}

bool CampaignRunner::ApplyOrResume(int64_t candidate) {
  ChildScores& child = children_.at(candidate);
  if (child.complete() || !child.quarantine_error.empty()) {
    ApplyOne(candidate, /*rejected=*/false);
    return true;
  }
  if (!child.any_known() && !child.parked) return false;
  if (plan_.early_rejection && schedule_->Rejects(*child.chunks)) {
    ApplyOne(candidate, /*rejected=*/true);
    return true;
  }
  if (child.parked) {
    child.parked = false;
    // A child counts once.
    state_.set_parked_resumed(state_.parked_resumed() + (child.round == 0));
    state_changed_ = true;
    ++child.round;
    StoreChild(candidate, child);
    OpenJobs(candidate, child);
  }
  return false;
}

void CampaignRunner::ApplyOne(int64_t candidate, bool rejected) {
  auto child = children_.extract(candidate).mapped();
  CloseJobs(candidate, child);
  const Proposal& proposal = *schedule_->Find(candidate);
  v1::LogEntry entry;
  *entry.mutable_proposal() = ProposalToProto(proposal);
  entry.set_quarantine_error(child.quarantine_error);
  std::set<int64_t> layouts_before;
  for (const auto& [version, order] : schedule_->layouts()) {
    layouts_before.insert(version);
  }
  records::CandidateRecord record;
  std::optional<std::vector<uint32_t>> scores;
  std::optional<Digest> weights;
  if (rejected) {
    PackedChunks packed = child.chunks->Pack();
    entry.set_scores(std::move(packed.scores));
    entry.set_known_chunks(std::move(packed.known_chunks));
  } else if (child.quarantine_error.empty()) {
    scores = child.chunks->scores();
    entry.set_scores(PackScores(kind(), *scores));
    record = MakeRecord(proposal, child);
    if (record.has_weights()) {
      *entry.mutable_proposal() = record.proposal();
      *entry.mutable_weights() = record.weights();
      weights = *Digest::FromBytes(record.weights().digest());
    }
  }
  const absl::StatusOr<AppliedResult> applied_result =
      rejected ? schedule_->ApplyRejected(candidate, *child.chunks)
               : schedule_->Apply(candidate, std::move(scores), weights);
  if (!applied_result.ok()) {
    return Fail(std::string(applied_result.status().message()));
  }
  if (child.chunks.has_value()) {
    Remember(candidate, *std::exchange(child.chunks, std::nullopt));
  }
  entry.set_dropped_slot(applied_result->dropped_slot);
  entry.set_child_fitness(applied_result->child_fitness.units());
  if (rejected) {
    state_.set_rejected_early(state_.rejected_early() + 1);
    state_.set_parked_confirmed(state_.parked_confirmed() +
                                (child.was_parked && child.round == 0));
  }
  NoteApplied(candidate, entry);
  StoreLayouts(layouts_before);
  if (applied_result->accepted) {
    writes_.Put(Collection::kCandidates, candidate, record.SerializeAsString());
    candidates_[candidate] = std::move(record);
    StoreAccepted(*applied_result);
  }
}

records::CandidateRecord CampaignRunner::MakeRecord(
    const Proposal& proposal, const ChildScores& child) const {
  records::CandidateRecord record;
  *record.mutable_proposal() = ProposalToProto(proposal);
  if (child.weights.has_value()) {
    *record.mutable_proposal()->mutable_chromosomes() =
        child.weights->chromosomes;
    *record.mutable_weights() = child.weights->ref;
    record.set_genome_digest(record.weights().digest());
  } else {
    *record.mutable_recipe() = RecipeToProto(proposal.recipe);
    record.set_genome_digest(record.proposal().genome_digest());
  }
  record.set_search_accuracy(Accuracy(child.chunks->scores()));
  record.set_accept_time_us(absl::ToUnixMicros(clock_.CalendarNow()));
  return record;
}

void CampaignRunner::NoteApplied(int64_t candidate, const v1::LogEntry& entry) {
  writes_.Append(ListCollection::kLog, entry.SerializeAsString());
  writes_.Erase(Collection::kResults, candidate);
  writes_.Erase(Collection::kProposals, candidate);
  const Proposal& drawn = schedule_->open().back();
  writes_.Put(Collection::kProposals, drawn.candidate, PackProposal(drawn));
  if (drawn.candidate < state_.budget_evaluations()) {
    OpenJobs(drawn.candidate, children_[drawn.candidate]);
  }
  state_.set_applied(schedule_->applied());
  state_.set_quarantined(state_.quarantined() +
                         (entry.quarantine_error().empty() ? 0 : 1));
  if (active_since_.has_value()) {
    state_.set_active_us(
        active_us_before_ +
        absl::ToInt64Microseconds(clock_.Now() - *active_since_));
  }
  state_changed_ = true;
}

void CampaignRunner::StoreAccepted(const AppliedResult& applied) {
  state_.set_accepted(state_.accepted() + 1);
  const int slot = applied.dropped_slot;
  slot_changed_[slot] = this->applied();
  writes_.Put(Collection::kSlots, slot, PackMember(slot));
  NoteBest();
}

void CampaignRunner::StoreLayouts(const std::set<int64_t>& before) {
  for (const auto& [version, order] : schedule_->layouts()) {
    if (before.contains(version)) continue;
    writes_.Put(Collection::kLayouts, version, PackLayout(*order));
  }
  for (const int64_t version : before) {
    if (!schedule_->layouts().contains(version)) {
      writes_.Erase(Collection::kLayouts, version);
    }
  }
}

}  // namespace merganser
