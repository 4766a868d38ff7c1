#include "client/replay/rescore.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/evolution/scores.h"
#include "common/genome_proto/genome_proto.h"
#include "common/schedule/chunk_assembly.h"

namespace merganser {
namespace {

std::string WhereOf(int64_t candidate) {
  return candidate < 0 ? absl::StrCat("seed ", candidate)
                       : absl::StrCat("log entry ", candidate);
}

LayoutOrderPointer FileOrderOf(std::span<const TaskExtent> tasks) {
  std::vector<uint32_t> order(tasks.empty() ? 0 : tasks.back().end);
  std::iota(order.begin(), order.end(), 0);
  return std::make_shared<const std::vector<uint32_t>>(std::move(order));
}

absl::StatusOr<ChunkAssembly> Assemble(
    ScoreKind kind, std::span<const TaskExtent> tasks,
    const LayoutOrderPointer& layout, const v1::ScoreStreamResponse& response) {
  ChunkAssembly assembly(kind, tasks, layout);
  for (const v1::ChunkScores& chunk : response.chunks()) {
    RETURN_IF_ERROR(
        assembly.Add(chunk.task(), chunk.chunk(), chunk.scores()).status());
  }
  return assembly;
}

void AddKnownChunks(const ChunkAssembly& scores, v1::Job& job) {
  scores.VisitKnown([&](int task, int64_t chunk) {
    if (job.chunks().empty() || job.chunks().rbegin()->task() != task) {
      job.add_chunks()->set_task(task);
    }
    job.mutable_chunks()->rbegin()->add_chunks(static_cast<int32_t>(chunk));
  });
}

}  // namespace

absl::Status Rescorer::OnStart(const v1::CampaignSpec& spec,
                               std::span<const TaskExtent> tasks) {
  kind_ = ScoreKindOf(spec);
  tasks_.assign(tasks.begin(), tasks.end());
  holdout_tasks_ = HoldoutExtents(spec);
  holdout_order_ = FileOrderOf(holdout_tasks_);
  for (const v1::TaskSpec& task : spec.tasks()) {
    task_weights_.push_back(std::max<uint32_t>(1, task.weight()));
  }
  return absl::OkStatus();
}

absl::Status Rescorer::OnCandidate(const Candidate& candidate) {
  if (only_accepted_ && !candidate.accepted) return absl::OkStatus();
  if (candidate.layout_version > sent_layout_) {
    RETURN_IF_ERROR(SendLayout(candidate.layout_version, candidate.layout));
  }
  v1::Job job;
  job.mutable_key()->set_kind(candidate.number < 0 ? v1::JOB_KIND_SEED
                                                   : v1::JOB_KIND_SEARCH);
  job.mutable_key()->set_candidate(candidate.number);
  if (candidate.recipe != nullptr) {
    *job.mutable_recipe() = RecipeToProto(*candidate.recipe);
  }
  if (candidate.offspring != nullptr) {
    *job.mutable_offspring() = *candidate.offspring;
  }
  job.set_genome_digest(candidate.genome.ToBytes());
  job.set_layout_version(candidate.layout_version);
  if (!candidate.scores.complete()) AddKnownChunks(candidate.scores, job);
  Pending pending{.layout = candidate.layout,
                  .where = WhereOf(candidate.number),
                  .scores = candidate.scores,
                  .holdout_accuracy = std::nullopt};
  if (candidate.weights != nullptr) pending.weights = *candidate.weights;
  return SendJob(std::move(job), std::move(pending));
}

absl::Status Rescorer::OnKept(const RemadeWeights& weights) {
  if (blobs_ != nullptr) return blobs_->Add(weights);
  return absl::FailedPreconditionError(
      "there is no folder for the weights of candidates");
}

void Rescorer::OnForgotten(const Digest& weights) {
  blobs_->Remove(weights, sent_jobs_);
}

absl::Status Rescorer::CheckHoldout(const std::string& where,
                                    const Winner& candidate, double accuracy) {
  if (holdout_order_->empty()) return absl::OkStatus();
  v1::Job job;
  job.mutable_key()->set_kind(v1::JOB_KIND_HOLDOUT);
  job.mutable_key()->set_candidate(candidate.candidate);
  if (blobs_ == nullptr) {
    *job.mutable_recipe() = RecipeToProto(candidate.recipe);
  } else {
    job.mutable_weights()->set_digest(candidate.genome.ToBytes());
    job.mutable_weights()->set_size_bytes(blobs_->size_bytes());
  }
  job.set_genome_digest(candidate.genome.ToBytes());
  job.set_layout_version(-1);
  return SendJob(std::move(job), {.layout = holdout_order_,
                                  .where = where,
                                  .scores = std::nullopt,
                                  .holdout_accuracy = accuracy});
}

absl::Status Rescorer::SendLayout(int64_t version,
                                  const LayoutOrderPointer& layout) {
  v1::ScoreStreamRequest request;
  request.mutable_layout()->set_version(version);
  for (const TaskExtent& task : tasks_) {
    v1::TaskOrder& order = *request.mutable_layout()->add_tasks();
    for (int64_t i = task.begin; i < task.end; ++i) {
      order.add_datapoints((*layout)[i] - static_cast<uint32_t>(task.begin));
    }
  }
  sent_layout_ = version;
  return scorer_.Send(request);
}

absl::Status Rescorer::SendJob(v1::Job job, Pending pending) {
  pending.key = job.key();
  v1::ScoreStreamRequest request;
  *request.mutable_job() = std::move(job);
  RETURN_IF_ERROR(scorer_.Send(request));
  ++sent_jobs_;
  pending_.push_back(std::move(pending));
  while (static_cast<int64_t>(pending_.size()) >= window_) {
    RETURN_IF_ERROR(ReceiveOne());
  }
  return absl::OkStatus();
}

absl::Status Rescorer::Finish() {
  while (!pending_.empty()) RETURN_IF_ERROR(ReceiveOne());
  return absl::OkStatus();
}

absl::Status Rescorer::ReceiveOne() {
  ASSIGN_OR_RETURN(const v1::ScoreStreamResponse response, scorer_.Receive());
  const Pending pending = std::move(pending_.front());
  pending_.pop_front();
  if (blobs_ != nullptr) {
    blobs_->Answered(sent_jobs_ - static_cast<int64_t>(pending_.size()));
  }
  if (!response.error().empty()) {
    return absl::InternalError(absl::StrCat(
        pending.where, ": cannot be evaluated again: ", response.error()));
  }
  if (response.key().kind() != pending.key.kind() ||
      response.key().candidate() != pending.key.candidate()) {
    return absl::InternalError(
        absl::StrCat(pending.where, ": the worker answered another job"));
  }
  CompareWeights(pending, response);
  const bool holdout = pending.holdout_accuracy.has_value();
  const auto scores = Assemble(kind_, holdout ? holdout_tasks_ : tasks_,
                               pending.layout, response);
  if (!scores.ok()) {
    return absl::InternalError(absl::StrCat(
        pending.where,
        ": the worker's answer does not fit: ", scores.status().message()));
  }
  const int64_t missing = holdout ? 0 : pending.scores->missing();
  if (scores->missing() != missing) {
    return absl::InternalError(
        absl::StrCat(pending.where, ": the worker's answer lacks ",
                     scores->missing() - missing, " chunks"));
  }
  if (holdout) {
    CompareHoldout(pending, scores->scores());
  } else {
    CompareScores(pending, *scores);
  }
  return absl::OkStatus();
}

// With those that the replay made, which it has compared with the log's.
void Rescorer::CompareWeights(const Pending& pending,
                              const v1::ScoreStreamResponse& response) {
  if (!pending.weights.has_value() || !response.has_weights()) return;
  differences_.Compare(pending.where, "weights that the worker made",
                       pending.weights->ToHex(),
                       absl::BytesToHexString(response.weights().digest()));
}

void Rescorer::CompareScores(const Pending& pending,
                             const ChunkAssembly& scores) {
  ++rescored_;
  const std::string again = PackScores(kind_, scores.scores());
  const std::string recorded = PackScores(kind_, pending.scores->scores());
  if (again == recorded) return;
  differences_.Add({pending.where, "scores", "those of a new evaluation",
                    DescribeScores(kind_, again, recorded)});
}

void Rescorer::CompareHoldout(const Pending& pending,
                              const std::vector<uint32_t>& scores) {
  uint64_t right = 0;
  uint64_t all = 0;
  for (size_t t = 0; t < holdout_tasks_.size(); ++t) {
    for (int64_t i = holdout_tasks_[t].begin; i < holdout_tasks_[t].end; ++i) {
      right += uint64_t{task_weights_[t]} * scores[i];
      all += task_weights_[t];
    }
  }
  differences_.CompareBits(
      pending.where, "holdout_accuracy",
      static_cast<double>(right) / static_cast<double>(all * FullScore(kind_)),
      *pending.holdout_accuracy);
}

}  // namespace merganser
