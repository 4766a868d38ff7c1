// CampaignRunner: jobs out, results in.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/proposal_proto.h"
#include "common/evolution/layout.h"
#include "common/genome_proto/genome_proto.h"
#include "coordinator/campaign/campaign_runner.h"
#include "coordinator/campaign/records.h"

namespace merganser {
namespace {

namespace records = ::merganser::storage::v1;

constexpr int64_t kFileOrder = -1;

v1::JobKind ToProto(JobKind kind) {
  switch (kind) {
    case JobKind::kGram:
      return v1::JOB_KIND_GRAM;
    case JobKind::kSeed:
      return v1::JOB_KIND_SEED;
    case JobKind::kHoldout:
      return v1::JOB_KIND_HOLDOUT;
    case JobKind::kSearch:
      return v1::JOB_KIND_SEARCH;
    case JobKind::kMakeBlob:
      return v1::JOB_KIND_MAKE_BLOB;
  }
  return v1::JOB_KIND_UNSPECIFIED;
}

absl::Status NotOpen(const JobKey& key) {
  return absl::NotFoundError(absl::StrCat(key.ToString(), " is not open"));
}

ResultVerdict Refuse(absl::string_view error) {
  return {v1::RESULT_OUTCOME_REFUSED, std::string(error), false};
}

}  // namespace

absl::StatusOr<v1::Job> CampaignRunner::MakeJob(const JobKey& key) const {
  v1::Job job;
  job.mutable_key()->set_campaign_uid(key.campaign_uid);
  job.mutable_key()->set_kind(ToProto(key.kind));
  job.mutable_key()->set_candidate(key.candidate);
  job.mutable_key()->set_part(key.part);
  job.set_layout_version(kFileOrder);
  if (key.kind == JobKind::kGram) return job;
  if (key.kind == JobKind::kSearch) return MakeSearchJob(key, std::move(job));
  if (key.candidate < -seeds()) return NotOpen(key);
  if (keeps_weights()) return MakeWeightsJob(key, std::move(job));
  if (key.candidate < 0) {
    const LinearRecipe recipe =
        RecipeOfSeed(plan_, static_cast<int>(key.candidate + seeds()));
    *job.mutable_recipe() = RecipeToProto(recipe);
    job.set_genome_digest(RecipeDigest(plan_, recipe).ToBytes());
    return job;
  }
  const auto found = candidates_.find(key.candidate);
  if (found == candidates_.end()) return NotOpen(key);
  *job.mutable_recipe() = found->second.recipe();
  job.set_genome_digest(found->second.genome_digest());
  return job;
}

absl::StatusOr<v1::ChunkLayout> CampaignRunner::MakeLayout(
    int64_t version) const {
  const LayoutOrderPointer order =
      started() ? schedule_->layout(version) : nullptr;
  if (order == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("chunk layout ", version, " is not in use"));
  }
  v1::ChunkLayout layout;
  layout.set_campaign_uid(uid());
  layout.set_version(version);
  for (const TaskExtent& task : plan_.tasks) {
    v1::TaskOrder& task_order = *layout.add_tasks();
    for (int64_t i = task.begin; i < task.end; ++i) {
      task_order.add_datapoints(
          static_cast<uint32_t>((*order)[i] - task.begin));
    }
  }
  return layout;
}

ResultVerdict CampaignRunner::TakeResult(const v1::JobResult& result) {
  if (ended()) return {v1::RESULT_OUTCOME_REDUNDANT, "", true};
  switch (result.key().kind()) {
    case v1::JOB_KIND_GRAM:
      return TakeGram(result);
    case v1::JOB_KIND_SEED:
      return TakeSeed(result);
    case v1::JOB_KIND_HOLDOUT:
      return TakeHoldout(result);
    case v1::JOB_KIND_SEARCH:
      return TakeSearch(result);
    case v1::JOB_KIND_MAKE_BLOB:
      return TakeBlob(result);
    default:
      return Refuse(
          "key.kind: expected GRAM, SEED, HOLDOUT, SEARCH or MAKE_BLOB");
  }
}

ResultVerdict CampaignRunner::TakeGram(const v1::JobResult& result) {
  if (keeps_weights())
    return Refuse("key.kind: the campaign needs no Gram sums");
  if (gram_ != nullptr) {
    if (result.gram() == gram_bytes_) {
      return {v1::RESULT_OUTCOME_REDUNDANT, "", true};
    }
    state_.set_conflicts(state_.conflicts() + 1);
    state_changed_ = true;
    return {v1::RESULT_OUTCOME_CONFLICT, "", true};
  }
  absl::StatusOr<GramSums> gram = GramSums::Parse(result.gram());
  if (!gram.ok())
    return Refuse(absl::StrCat("gram: ", gram.status().message()));
  const absl::Status matches =
      gram->CheckMatches(seeds(), plan_.layout.chromosomes);
  if (!matches.ok()) return Refuse(absl::StrCat("gram: ", matches.message()));
  gram_ = std::make_shared<const GramSums>(*std::move(gram));
  gram_bytes_ = result.gram();
  writes_.Put(Collection::kGram, kOnlyKey, gram_bytes_);
  Advance();
  return {v1::RESULT_OUTCOME_COMMITTED, "", true};
}

absl::StatusOr<std::vector<uint32_t>> CampaignRunner::Assemble(
    const v1::JobResult& result, const std::vector<TaskExtent>& tasks,
    LayoutOrderPointer order) const {
  ChunkAssembly assembly(kind(), tasks, std::move(order));
  for (const v1::ChunkScores& chunk : result.chunks()) {
    ASSIGN_OR_RETURN(const ChunkOutcome outcome,
                     assembly.Add(chunk.task(), chunk.chunk(), chunk.scores()));
    if (outcome == ChunkOutcome::kConflict) {
      return absl::InvalidArgumentError(
          "chunks: one chunk is there twice, with different scores");
    }
  }
  if (!assembly.complete()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "chunks: ", assembly.missing(), " of the job's chunks are missing"));
  }
  return assembly.scores();
}

ResultVerdict CampaignRunner::Compare(const std::vector<uint32_t>& first,
                                      const std::vector<uint32_t>& second) {
  if (first == second) return {v1::RESULT_OUTCOME_REDUNDANT, "", true};
  state_.set_conflicts(state_.conflicts() + 1);
  state_changed_ = true;
  return {v1::RESULT_OUTCOME_CONFLICT, "", true};
}

ResultVerdict CampaignRunner::TakeSeed(const v1::JobResult& result) {
  const int64_t candidate = result.key().candidate();
  const absl::StatusOr<v1::Job> job =
      MakeJob({uid(), JobKind::kSeed, candidate});
  if (!job.ok()) return Refuse(job.status().message());
  if (result.genome_digest() != job->genome_digest()) {
    return Refuse("genome_digest: not that of the seed");
  }
  absl::StatusOr<std::vector<uint32_t>> scores =
      Assemble(result, plan_.tasks,
               std::make_shared<const std::vector<uint32_t>>(
                   FileOrder(0, plan_.archive.datapoints)));
  if (!scores.ok()) return Refuse(scores.status().message());
  if (keeps_weights()) {
    const absl::Status weights = CheckWeights(result);
    if (!weights.ok()) return Refuse(weights.message());
  }
  const auto known = seed_scores_.find(candidate);
  if (known != seed_scores_.end()) {
    if (keeps_weights() &&
        seed_weights_.at(candidate).digest() != result.weights().digest()) {
      state_.set_conflicts(state_.conflicts() + 1);
      state_changed_ = true;
      return {v1::RESULT_OUTCOME_CONFLICT, "", true};
    }
    return Compare(known->second, *scores);
  }
  records::ResultRecord record;
  if (keeps_weights()) {
    *record.mutable_weights() = seed_weights_[candidate] = result.weights();
  }
  record.set_scores(PackScores(kind(), *scores));
  writes_.Put(Collection::kResults, candidate, record.SerializeAsString());
  seed_scores_[candidate] = *std::move(scores);
  Advance();
  return {v1::RESULT_OUTCOME_COMMITTED, "", true};
}

ResultVerdict CampaignRunner::TakeHoldout(const v1::JobResult& result) {
  const int64_t candidate = result.key().candidate();
  if (holdout_.contains(candidate)) {
    return {v1::RESULT_OUTCOME_REDUNDANT, "", true};
  }
  if (!holdout_open_.contains(candidate)) {
    return Refuse("key: no such holdout job is open");
  }
  if (result.genome_digest() != candidates_.at(candidate).genome_digest()) {
    return Refuse("genome_digest: not that of the candidate");
  }
  const absl::StatusOr<std::vector<uint32_t>> scores =
      Assemble(result, holdout_tasks_,
               std::make_shared<const std::vector<uint32_t>>(
                   FileOrder(0, holdout_tasks_.back().end)));
  if (!scores.ok()) return Refuse(scores.status().message());
  double solved = 0;
  double all = 0;
  for (size_t t = 0; t < holdout_tasks_.size(); ++t) {
    const double weight = std::max<uint32_t>(1, spec().tasks(t).weight());
    for (int64_t j = holdout_tasks_[t].begin; j < holdout_tasks_[t].end; ++j) {
      solved += weight * (*scores)[j] / FullScore(kind());
      all += weight;
    }
  }
  holdout_[candidate] = {solved / all,
                         TaskAccuracies(kind(), holdout_tasks_, *scores)};
  holdout_open_.erase(candidate);
  records::HoldoutRecord record;
  record.set_accuracy(solved / all);
  record.set_scores(PackScores(kind(), *scores));
  writes_.Put(Collection::kHoldout, candidate, record.SerializeAsString());
  Advance();
  return {v1::RESULT_OUTCOME_COMMITTED, "", true};
}

void CampaignRunner::Quarantine(const JobKey& key, const std::string& reason) {
  if (ended()) return;
  switch (key.kind) {
    case JobKind::kGram:
    case JobKind::kSeed:
      return Fail(absl::StrCat(key.ToString(), " was given up: ", reason));
    case JobKind::kHoldout:
      holdout_open_.erase(key.candidate);
      return Advance();
    case JobKind::kMakeBlob:
      return GiveUpBlob(key.candidate, reason);
    case JobKind::kSearch:
      break;
  }
  const auto child = children_.find(key.candidate);
  if (child == children_.end() || child->second.complete() ||
      !child->second.open_parts.contains(key.part)) {
    return;
  }
  child->second.quarantine_error = reason;
  child->second.chunks.reset();
  CloseJobs(key.candidate, child->second);
  StoreChild(key.candidate, child->second);
  ApplyReady();
}

}  // namespace merganser
