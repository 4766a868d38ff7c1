// CampaignRunner: what people see of a campaign.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/genome/contributions.h"
#include "common/genome_proto/genome_proto.h"
#include "coordinator/campaign/campaign_runner.h"
#include "google/protobuf/util/time_util.h"

namespace merganser {
namespace {

using ::google::protobuf::util::TimeUtil;
namespace records = ::merganser::storage::v1;

}  // namespace

std::optional<int64_t> CampaignRunner::best() const {
  if (!started()) return std::nullopt;
  const std::optional<int> slot = schedule_->archive().best_slot();
  if (!slot.has_value()) return std::nullopt;
  return schedule_->archive().slot(*slot)->sequence_number;
}

template <typename Scored>
void CampaignRunner::WriteTaskScores(int64_t candidate,
                                     const std::vector<uint32_t>& scores,
                                     Scored& scored) const {
  const auto holdout = holdout_.find(candidate);
  const bool measured = holdout != holdout_.end();
  if (measured) scored.set_holdout_accuracy(holdout->second.accuracy);
  const std::vector<double> search =
      TaskAccuracies(kind(), plan_.tasks, scores);
  for (size_t t = 0; t < search.size(); ++t) {
    v1::TaskScore& task = *scored.add_tasks();
    task.set_name(spec().tasks(static_cast<int>(t)).name());
    task.set_search_accuracy(search[t]);
    if (measured && holdout_tasks_[t].end > holdout_tasks_[t].begin) {
      task.set_holdout_accuracy(holdout->second.tasks[t]);
    }
  }
}

std::optional<int> CampaignRunner::SlotOf(int64_t candidate) const {
  if (!started()) return std::nullopt;
  for (int i = 0; i < schedule_->archive().population(); ++i) {
    const auto& member = schedule_->archive().slot(i);
    if (member.has_value() && member->sequence_number == candidate) return i;
  }
  return std::nullopt;
}

double CampaignRunner::MeanAccuracy() const {
  const Archive& archive = schedule_->archive();
  double sum = 0;
  int members = 0;
  for (int i = 0; i < archive.population(); ++i) {
    if (!archive.slot(i).has_value()) continue;
    sum += candidates_.at(archive.slot(i)->sequence_number).search_accuracy();
    ++members;
  }
  return members == 0 ? 0 : sum / members;
}

int64_t CampaignRunner::waiting_results() const {
  return std::count_if(children_.begin(), children_.end(),
                       [](const auto& entry) {
                         const ChildScores& child = entry.second;
                         return child.complete() || child.parked ||
                                !child.quarantine_error.empty();
                       });
}

v1::Campaign CampaignRunner::Snapshot() const {
  v1::Campaign campaign;
  campaign.set_name(name());
  campaign.set_uid(uid());
  *campaign.mutable_spec() = spec();
  campaign.set_state(state());
  campaign.set_message(state_.message());
  campaign.set_device_class(device_class());
  *campaign.mutable_create_time() =
      TimeUtil::MicrosecondsToTimestamp(spec_.create_time_us());
  v1::Progress& progress = *campaign.mutable_progress();
  progress.set_evaluations(applied());
  progress.set_accepted(state_.accepted());
  progress.set_quarantined(state_.quarantined());
  progress.set_active_seconds(static_cast<double>(state_.active_us()) * 1e-6);
  progress.set_datapoint_evaluations(state_.datapoint_evaluations());
  progress.set_conflicts(state_.conflicts());
  progress.set_nan_chunks(state_.nan_chunks());
  progress.set_rejected_early(state_.rejected_early());
  progress.set_parked(state_.parked());
  progress.set_parked_confirmed(state_.parked_confirmed());
  progress.set_parked_resumed(state_.parked_resumed());
  if (!started()) return campaign;
  const Archive& archive = schedule_->archive();
  progress.set_archive_digest(schedule_->archive_digest().ToBytes());
  progress.set_coverage(archive.coverage());
  progress.set_entropy(archive.entropy());
  progress.set_mean_search_accuracy(MeanAccuracy());
  if (const std::optional<int64_t> n = best(); n.has_value()) {
    const records::CandidateRecord& record = candidates_.at(*n);
    v1::BestCandidate& best = *progress.mutable_best();
    best.set_candidate(*n);
    best.set_search_accuracy(record.search_accuracy());
    best.set_genome_digest(record.genome_digest());
    WriteTaskScores(*n, schedule_->archive().slot(*SlotOf(*n))->scores, best);
  }
  for (int k = 0; k < seeds(); ++k) {
    v1::SeedScore& seed = *progress.add_seeds();
    seed.set_name(spec().seeds(k).name());
    seed.set_search_accuracy(candidates_.at(k - seeds()).search_accuracy());
    WriteTaskScores(k - seeds(), seed_scores_.at(k - seeds()), seed);
  }
  return campaign;
}

std::vector<v1::CurvePoint> CampaignRunner::Curve() const {
  std::vector<v1::CurvePoint> curve = curve_;
  if (!curve.empty() && curve.back().evaluations() < applied()) {
    v1::CurvePoint last = curve.back();
    last.set_evaluations(applied());
    last.set_coverage(schedule_->archive().coverage());
    last.set_entropy(schedule_->archive().entropy());
    curve.push_back(std::move(last));
  }
  for (v1::CurvePoint& point : curve) {
    const auto holdout = holdout_.find(point.candidate());
    if (holdout != holdout_.end()) {
      point.set_holdout_accuracy(holdout->second.accuracy);
    }
  }
  return curve;
}

absl::StatusOr<v1::Candidate> CampaignRunner::MakeCandidate(
    int64_t candidate) const {
  const auto found = candidates_.find(candidate);
  if (found == candidates_.end()) {
    return absl::NotFoundError(absl::StrCat(
        "campaign ", name(), " has no accepted candidate ", candidate));
  }
  const records::CandidateRecord& record = found->second;
  v1::Candidate proto;
  proto.set_candidate(candidate);
  if (record.has_proposal()) *proto.mutable_proposal() = record.proposal();
  proto.set_genome_digest(record.genome_digest());
  proto.set_search_accuracy(record.search_accuracy());
  const auto holdout = holdout_.find(candidate);
  if (holdout != holdout_.end()) {
    proto.set_holdout_accuracy(holdout->second.accuracy);
  }
  if (const auto slot = SlotOf(candidate); slot.has_value()) {
    proto.set_slot(*slot);
  }
  *proto.mutable_accept_time() =
      TimeUtil::MicrosecondsToTimestamp(record.accept_time_us());
  if (keeps_weights()) {
    *proto.mutable_weights() = record.weights();
    return proto;
  }
  *proto.mutable_recipe() = record.recipe();
  ASSIGN_OR_RETURN(const LinearRecipe recipe, RecipeFromProto(record.recipe()));
  const Contributions shares = ContributionsOf(recipe, plan_.layout);
  proto.mutable_seed_shares()->Add(shares.overall.begin(),
                                   shares.overall.end());
  return proto;
}

absl::StatusOr<v1::ExportHeader> CampaignRunner::MakeExportHeader() const {
  if (!started()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "campaign ", name(),
        " has nothing to export yet: its seeds are not evaluated"));
  }
  v1::ExportHeader header;
  *header.mutable_campaign() = Snapshot();
  for (const auto& [candidate, scores] : seed_scores_) {
    header.add_seed_scores(PackScores(kind(), scores));
  }
  for (int i = 0; i < schedule_->archive().population(); ++i) {
    v1::ArchiveSlot& slot = *header.add_slots();
    const auto& member = schedule_->archive().slot(i);
    if (!member.has_value()) continue;
    slot.set_candidate(member->sequence_number);
    slot.set_genome_digest(member->genome.ToBytes());
    if (keeps_weights()) {
      *slot.mutable_weights() =
          candidates_.at(member->sequence_number).weights();
    } else {
      *slot.mutable_recipe() = RecipeToProto(*schedule_->recipe(i));
    }
    slot.set_scores(PackScores(kind(), member->scores));
  }
  header.set_gram_size_bytes(static_cast<int64_t>(gram_bytes_.size()));
  for (v1::CurvePoint& point : Curve()) *header.add_curve() = std::move(point);
  return header;
}

}  // namespace merganser
