#include "client/eval/model_evaluation.h"

#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/progress_line.h"
#include "client/embedded/message_process.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

// What the worker could not do; a file that it did not find is bad input.
absl::Status ErrorOf(const v1::EvalError& error) {
  const auto code = static_cast<absl::StatusCode>(error.code());
  switch (code) {
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
      return absl::InvalidArgumentError(error.message());
    case absl::StatusCode::kOk:
      return absl::InternalError(error.message());
    default:
      return absl::Status(code, error.message());
  }
}

// A line that is rewritten in place; nothing where stderr is no terminal.
class ProgressOnTerminal {
 public:
  ~ProgressOnTerminal() {
    if (is_terminal_) std::cerr << "\r\033[K" << std::flush;
  }
  void Show(const EvalPartSummary& part) const {
    if (!is_terminal_) return;
    std::cerr << "\r\033[K" << part.task << (part.holdout ? " holdout " : " ")
              << WithThousands(part.scored) << " of "
              << WithThousands(part.datapoints) << std::flush;
  }

 private:
  const bool is_terminal_ = isatty(STDERR_FILENO) != 0;
};

// Follows the worker's answers to the end.
class Evaluation {
 public:
  Evaluation(const v1::EvalRequest& request, TakeEvalScores take)
      : request_(request), take_(take) {}

  absl::StatusOr<EvalSummary> Run(MessageProcess& worker,
                                  const std::function<bool()>& interrupted) {
    RETURN_IF_ERROR(worker.Send(request_));
    while (!summary_.complete()) {
      v1::EvalResponse response;
      RETURN_IF_ERROR(worker.Receive(response, interrupted));
      RETURN_IF_ERROR(Take(response));
    }
    return std::move(summary_);
  }

 private:
  absl::Status Take(const v1::EvalResponse& response) {
    if (response.has_error()) return ErrorOf(response.error());
    if (response.has_plan()) return summary_.Begin(request_, response.plan());
    const v1::EvalScores& scores = response.scores();
    RETURN_IF_ERROR(summary_.Add(scores));
    const EvalPartSummary& part =
        summary_.parts()[static_cast<size_t>(scores.part())];
    progress_.Show(part);
    return take_(scores.part(), part, scores);
  }

  const v1::EvalRequest& request_;
  const TakeEvalScores take_;
  const ProgressOnTerminal progress_;
  EvalSummary summary_;
};

void MakeAbsolute(const std::string& folder, v1::DatasetSpec& dataset) {
  dataset.set_file(
      std::filesystem::absolute(std::filesystem::path(folder) / dataset.file())
          .lexically_normal()
          .string());
}

}  // namespace

absl::StatusOr<EvalSummary> EvaluateModel(const EvalWorkerOptions& options,
                                          const v1::EvalRequest& request,
                                          TakeEvalScores take) {
  std::string binary = options.binary;
  if (binary.empty()) {
    ASSIGN_OR_RETURN(binary, BesideOwnExecutable("merganser-worker"));
  }
  ASSIGN_OR_RETURN(
      MessageProcess worker,
      MessageProcess::Start(
          {.binary = binary,
           .arguments = {"eval", "--device", options.device, "--threads",
                         absl::StrCat(options.threads), "--log-level", "warn"}},
          "merganser-worker"));
  return Evaluation(request, take).Run(worker, options.interrupted);
}

v1::TaskSpec WithFilesBelow(const std::string& folder, v1::TaskSpec task) {
  MakeAbsolute(folder, *task.mutable_search());
  if (task.has_holdout()) MakeAbsolute(folder, *task.mutable_holdout());
  if (task.has_few_shot()) {
    MakeAbsolute(folder, *task.mutable_few_shot()->mutable_examples());
  }
  return task;
}

}  // namespace merganser
