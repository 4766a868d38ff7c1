#include "worker/session/job_executor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/net/limits.h"

namespace merganser {
namespace {

// Room for the rest of the message around Gram sums.
constexpr size_t kMessageMargin = 1 << 20;

absl::Status CheckFitsMessage(const std::string& gram) {
  if (gram.size() + kMessageMargin <= size_t{kMaximumMessageBytes}) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("the Gram sums of so many seeds take ", gram.size(),
                   " bytes; a message holds ", kMaximumMessageBytes));
}

v1::JobResult EmptyResult(const v1::Job& job) {
  v1::JobResult result;
  *result.mutable_key() = job.key();
  result.set_genome_digest(job.genome_digest());
  result.set_layout_version(job.layout_version());
  return result;
}

absl::Status CheckKind(const RunningJob& running) {
  const v1::JobKind kind = running.job.key().kind();
  const v1::JobKind wrong =
      running.weights != nullptr ? v1::JOB_KIND_GRAM : v1::JOB_KIND_MAKE_BLOB;
  if (kind != wrong) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "job.key.kind: ", v1::JobKind_Name(kind), " in a campaign that keeps ",
      running.weights != nullptr ? "weights" : "recipes"));
}

}  // namespace

absl::StatusOr<ExecutedJob> JobExecutor::Execute(RunningJob& running) const {
  RETURN_IF_ERROR(CheckKind(running));
  const absl::Time start = clock_.Now();
  ExecutedJob executed;
  if (running.weights != nullptr) {
    ASSIGN_OR_RETURN(executed, ExecuteWithWeights(running));
  } else {
    executed.result = EmptyResult(running.job);
    if (running.job.key().kind() == v1::JOB_KIND_GRAM) {
      ASSIGN_OR_RETURN(*executed.result.mutable_gram(),
                       running.evaluator->Gram());
      RETURN_IF_ERROR(CheckFitsMessage(executed.result.gram()));
    } else {
      RETURN_IF_ERROR(
          Evaluate(running, /*weights=*/{}, executed.result).status());
    }
  }
  executed.result.set_execution_us(
      absl::ToInt64Microseconds(clock_.Now() - start));
  return executed;
}

absl::StatusOr<ExecutedJob> JobExecutor::ExecuteWithWeights(
    RunningJob& running) const {
  absl::StatusOr<MadeWeights> made = running.weights->Make(running.job);
  if (!made.ok()) {
    running.hand_back = WorthRepeating(made.status());
    return made.status();
  }
  ExecutedJob executed{.result = EmptyResult(running.job), .weights = {}};
  absl::StatusOr<bool> rejected = false;
  if (running.job.key().kind() != v1::JOB_KIND_MAKE_BLOB) {
    rejected = Evaluate(running, made->bytes(), executed.result);
  }
  if (!rejected.ok() || executed.result.parked()) {
    running.weights->Recycle(*std::move(made));
    RETURN_IF_ERROR(rejected.status());
    return executed;
  }
  if (!made->made_here()) return executed;
  executed.result.mutable_chromosomes()->Assign(made->crossovers().begin(),
                                                made->crossovers().end());
  if (*rejected) {
    *executed.result.mutable_weights() = made->Reference();
    running.weights->Recycle(*std::move(made));
  } else {
    executed.weights = *std::move(made);
  }
  return executed;
}

absl::StatusOr<bool> JobExecutor::Evaluate(RunningJob& running,
                                           std::span<const uint8_t> weights,
                                           v1::JobResult& result) const {
  std::optional<RejectionWatch> watch;
  if (running.archive != nullptr && running.order != nullptr) {
    watch.emplace(*running.archive, *running.order);
    for (const v1::ChunkScores& chunk : running.job.known()) {
      watch->Observe(chunk);
    }
  }
  bool rejected = false;
  ASSIGN_OR_RETURN(const bool all,
                   running.evaluator->Evaluate(
                       running.job, weights, running.order.get(), running.stop,
                       [&](v1::ChunkScores scores) {
                         rejected = watch.has_value() && watch->Observe(scores);
                         bool park = rejected && running.archive->parks();
                         if (park_anyway_ && running.archive != nullptr) {
                           park = park || park_anyway_(running.job, scores);
                         }
                         *result.add_chunks() = std::move(scores);
                         return !park;
                       }));
  result.set_parked(!all);
  return rejected;
}

}  // namespace merganser
