// CampaignRunner: children, until all that is needed of them is known.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/proposal_proto.h"
#include "common/genome_proto/genome_proto.h"
#include "coordinator/campaign/campaign_runner.h"
#include "coordinator/campaign/records.h"

namespace merganser {
namespace {

namespace records = ::merganser::storage::v1;

constexpr size_t kRememberedResults = 4096;
constexpr size_t kRememberedDatapoints = size_t{4} << 20;
// Scores, P×N, of the largest archive that is sent to workers: they keep 4
// bytes of each, and go through them whenever a slot has changed.
constexpr int64_t kLargestArchiveSent = int64_t{8} << 20;

ResultVerdict Refuse(absl::string_view error) {
  return {v1::RESULT_OUTCOME_REFUSED, std::string(error), false};
}

int64_t RowsOf(const v1::JobResult& result, std::span<const TaskExtent> tasks) {
  int64_t rows = 0;
  for (const v1::ChunkScores& chunk : result.chunks()) {
    if (chunk.task() < 0 || chunk.task() >= static_cast<int>(tasks.size())) {
      continue;
    }
    const TaskExtent& task = tasks[chunk.task()];
    const int64_t begin = task.begin + int64_t{chunk.chunk()} * task.chunk_size;
    rows += std::clamp<int64_t>(task.end - begin, 0, task.chunk_size);
  }
  return rows;
}

// What a result has added to what was known.
struct Added {
  int64_t fresh = 0;
  int64_t conflicts = 0;
  int64_t with_nan = 0;
};

// Errors: InvalidArgument naming the field.
absl::StatusOr<Added> AddChunks(const v1::JobResult& result,
                                ChunkAssembly& chunks) {
  Added added;
  for (const v1::ChunkScores& chunk : result.chunks()) {
    ASSIGN_OR_RETURN(const ChunkOutcome outcome,
                     chunks.Add(chunk.task(), chunk.chunk(), chunk.scores()));
    const bool is_new = outcome == ChunkOutcome::kNew;
    added.fresh += is_new ? 1 : 0;
    added.with_nan += is_new && chunk.saw_nan() ? 1 : 0;
    added.conflicts += outcome == ChunkOutcome::kConflict ? 1 : 0;
  }
  return added;
}

}  // namespace

absl::StatusOr<v1::Job> CampaignRunner::MakeSearchJob(const JobKey& key,
                                                      v1::Job job) const {
  const auto child = children_.find(key.candidate);
  const Proposal* proposal =
      started() ? schedule_->Find(key.candidate) : nullptr;
  if (proposal == nullptr || child == children_.end() ||
      !child->second.open_parts.contains(key.part)) {
    return absl::NotFoundError(absl::StrCat(key.ToString(), " is not open"));
  }
  if (keeps_weights()) {
    *job.mutable_offspring() = OffspringOf(ProposalToProto(*proposal));
  } else {
    *job.mutable_recipe() = RecipeToProto(proposal->recipe);
  }
  job.set_genome_digest(proposal->genome.ToBytes());
  job.set_layout_version(proposal->layout_version);
  job.set_urgent(child->second.round > 0);
  const auto& chunks = child->second.chunks;
  const bool any_known = child->second.any_known();
  if (dealer_.shards() > 1 || any_known) {
    for (v1::ChunkSet& set :
         dealer_.Missing(key.part, chunks.has_value() ? &*chunks : nullptr)) {
      *job.add_chunks() = std::move(set);
    }
  }
  if (!any_known || !plan_.early_rejection) return job;
  chunks->VisitKnown([&](int task, int64_t chunk) {
    v1::ChunkScores& known = *job.add_known();
    known.set_task(task);
    known.set_chunk(static_cast<int32_t>(chunk));
    known.set_scores(chunks->PackChunk(task, chunk));
  });
  return job;
}

std::optional<v1::ArchiveUpdate> CampaignRunner::MakeArchiveUpdate(
    int64_t since) const {
  if (!started() || !SendsArchive(plan_)) return std::nullopt;
  const Archive& archive = schedule_->archive();
  if (archive.datapoints() * archive.population() > kLargestArchiveSent) {
    return std::nullopt;
  }
  v1::ArchiveUpdate update;
  update.set_campaign_uid(uid());
  update.set_version(applied());
  for (int i = 0; i < archive.population(); ++i) {
    if (!archive.slot(i).has_value()) return std::nullopt;
    if (slot_changed_[i] <= since) continue;
    v1::SlotScores& slot = *update.add_slots();
    slot.set_slot(i);
    slot.set_scores(PackScores(kind(), archive.slot(i)->scores));
  }
  if (update.slots().empty()) return std::nullopt;
  return update;
}

ResultVerdict CampaignRunner::TakeSearch(const v1::JobResult& result) {
  const int64_t candidate = result.key().candidate();
  if (!started()) return Refuse("key: the campaign has not drawn it yet");
  state_.set_datapoint_evaluations(state_.datapoint_evaluations() +
                                   RowsOf(result, plan_.tasks));
  state_changed_ = true;
  const Proposal* proposal = schedule_->Find(candidate);
  if (proposal != nullptr) return TakeChunks(result, *proposal);
  if (candidate >= 0 && candidate < schedule_->open().back().candidate) {
    return CompareApplied(result);
  }
  return Refuse("key: the campaign has not drawn it yet");
}

absl::Status CampaignRunner::CheckSearchResult(const v1::JobResult& result,
                                               const Proposal& proposal) const {
  if (result.genome_digest() != proposal.genome.ToBytes()) {
    return absl::InvalidArgumentError(
        "genome_digest: not that of the proposal");
  }
  if (result.layout_version() != proposal.layout_version) {
    return absl::InvalidArgumentError(
        "layout_version: not that of the proposal");
  }
  if (result.key().part() < 0) {
    return absl::InvalidArgumentError("key.part: expected at least 0");
  }
  if (result.parked() && !plan_.early_rejection) {
    return absl::InvalidArgumentError(
        "parked: the campaign does not reject children early");
  }
  if (result.parked() && result.chunks().empty()) {
    return absl::InvalidArgumentError(
        "chunks: a parked job has evaluated at least one");
  }
  if (!children_.contains(proposal.candidate)) {
    return absl::InvalidArgumentError("key: it lies beyond the budget");
  }
  return absl::OkStatus();
}

ResultVerdict CampaignRunner::TakeChunks(const v1::JobResult& result,
                                         const Proposal& proposal) {
  if (const absl::Status status = CheckSearchResult(result, proposal);
      !status.ok()) {
    return Refuse(status.message());
  }
  ChildScores& child = children_.at(proposal.candidate);
  if (!child.quarantine_error.empty()) {
    return {v1::RESULT_OUTCOME_REDUNDANT, "", true};
  }
  // A copy, so that a result that is refused leaves nothing behind.
  ChunkAssembly chunks =
      child.chunks.has_value()
          ? *child.chunks
          : ChunkAssembly(kind(), plan_.tasks,
                          schedule_->layout(proposal.layout_version));
  const absl::StatusOr<Added> added = AddChunks(result, chunks);
  if (!added.ok()) return Refuse(added.status().message());
  const int part = result.key().part();
  const bool part_is_known = dealer_.IsKnown(part, chunks);
  if (!part_is_known && !result.parked()) {
    return Refuse("chunks: some of the job's chunks are missing");
  }
  const absl::StatusOr<bool> same_weights =
      TakeWeights(result, proposal, part_is_known, child);
  if (!same_weights.ok()) return Refuse(same_weights.status().message());
  const int64_t conflicts = added->conflicts + (*same_weights ? 0 : 1);
  state_.set_conflicts(state_.conflicts() + conflicts);
  state_.set_nan_chunks(state_.nan_chunks() + added->with_nan);
  child.chunks = std::move(chunks);
  const bool parks =
      result.parked() && !part_is_known && child.open_parts.contains(part);
  if (parks) {
    child.parked = true;
    if (!std::exchange(child.was_parked, true)) {
      state_.set_parked(state_.parked() + 1);
    }
  }
  if (parks || child.complete()) {
    CloseJobs(proposal.candidate, child);
  } else {
    CloseKnownParts(proposal.candidate, child);
  }
  const int64_t candidate = proposal.candidate;
  ApplyReady();
  // What was applied at once is in the log.
  const auto waiting = children_.find(candidate);
  const bool is_news = added->fresh > 0 || parks;
  if (waiting != children_.end() && is_news) {
    StoreChild(candidate, waiting->second);
  }
  if (conflicts > 0) return {v1::RESULT_OUTCOME_CONFLICT, "", true};
  return {is_news ? v1::RESULT_OUTCOME_COMMITTED : v1::RESULT_OUTCOME_REDUNDANT,
          "", true};
}

ResultVerdict CampaignRunner::CompareApplied(const v1::JobResult& result) {
  // Its layout may be gone, but the chunks that were applied are remembered.
  const auto known = recent_.find(result.key().candidate());
  if (known == recent_.end()) return {v1::RESULT_OUTCOME_REDUNDANT, "", true};
  int64_t conflicts = 0;
  for (const v1::ChunkScores& chunk : result.chunks()) {
    const ChunkAssembly& first = known->second;
    if (!first.HasChunk(chunk.task(), chunk.chunk()) ||
        !first.known(chunk.task(), chunk.chunk())) {
      continue;
    }
    const std::string scores = first.PackChunk(chunk.task(), chunk.chunk());
    conflicts += scores == chunk.scores() ? 0 : 1;
  }
  if (conflicts == 0) return {v1::RESULT_OUTCOME_REDUNDANT, "", true};
  state_.set_conflicts(state_.conflicts() + conflicts);
  return {v1::RESULT_OUTCOME_CONFLICT, "", true};
}

void CampaignRunner::Remember(int64_t candidate, ChunkAssembly chunks) {
  recent_.insert_or_assign(candidate, std::move(chunks));
  const auto kept = std::clamp<size_t>(
      kRememberedDatapoints / static_cast<size_t>(plan_.archive.datapoints), 16,
      kRememberedResults);
  while (recent_.size() > kept) recent_.erase(recent_.begin());
}

void CampaignRunner::StoreChild(int64_t candidate, const ChildScores& child) {
  records::ResultRecord record;
  record.set_quarantine_error(child.quarantine_error);
  record.set_parked(child.parked);
  record.set_round(child.round);
  if (child.weights.has_value()) {
    *record.mutable_weights() = child.weights->ref;
    *record.mutable_chromosomes() = child.weights->chromosomes;
  }
  if (child.complete()) {
    record.set_scores(PackScores(kind(), child.chunks->scores()));
  } else if (child.chunks.has_value()) {
    PackedChunks packed = child.chunks->Pack();
    record.set_scores(std::move(packed.scores));
    record.set_known_chunks(std::move(packed.known_chunks));
  }
  writes_.Put(Collection::kResults, candidate, record.SerializeAsString());
}

void CampaignRunner::OpenJobs(int64_t candidate, ChildScores& child) {
  for (const int part : child.OpenParts(dealer_)) {
    new_jobs_.push_back({uid(), JobKind::kSearch, candidate, part});
  }
}

void CampaignRunner::CloseJobs(int64_t candidate, ChildScores& child) {
  for (const int part : child.open_parts) {
    closed_jobs_.push_back({uid(), JobKind::kSearch, candidate, part});
  }
  child.open_parts.clear();
}

void CampaignRunner::CloseKnownParts(int64_t candidate, ChildScores& child) {
  std::erase_if(child.open_parts, [&](int part) {
    if (!dealer_.IsKnown(part, *child.chunks)) return false;
    closed_jobs_.push_back({uid(), JobKind::kSearch, candidate, part});
    return true;
  });
}

}  // namespace merganser
