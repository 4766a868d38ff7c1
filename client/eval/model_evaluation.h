// One model scored on tasks by a process of its own, `merganser-worker eval`.
#pragma once

#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/eval/eval_summary.h"
#include "merganser/v1/campaign.pb.h"
#include "merganser/v1/eval_stream.pb.h"

namespace merganser {

struct EvalWorkerOptions {
  std::string binary;  // empty: merganser-worker beside this program
  std::string device = "auto";
  int threads = 1;
  // Asked several times a second; empty: never.
  std::function<bool()> interrupted;
};

// Told of an answer: `part` as it stands with these scores, the last ones of
// part.scored; `part_index` counts the parts of the plan.
using TakeEvalScores = absl::FunctionRef<absl::Status(
    int part_index, const EvalPartSummary& part, const v1::EvalScores& scores)>;

// Shows how far it is where stderr is a terminal.
// Errors: InvalidArgument for what the model or the tasks have wrong; Cancelled
// when it is interrupted; Unavailable without a worker; those of `take`.
absl::StatusOr<EvalSummary> EvaluateModel(const EvalWorkerOptions& options,
                                          const v1::EvalRequest& request,
                                          TakeEvalScores take);

// The task with its files as absolute paths; relative ones start at `folder`,
// or at the working directory if that is empty.
v1::TaskSpec WithFilesBelow(const std::string& folder, v1::TaskSpec task);

}  // namespace merganser
