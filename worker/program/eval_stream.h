// One model scored on tasks without a campaign.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "merganser/v1/eval_stream.pb.h"
#include "worker/tasks/served_language_model.h"
#include "worker/weights/path_rules.h"

namespace merganser {

// Opens the model that a request names.
using ServeModel = std::function<absl::StatusOr<ServedLanguageModel>(
    const v1::EvalRequest& request)>;

// Reads one EvalRequest from `input`, behind its length as a varint, and writes
// EvalResponse messages to `output`: the plan, then scores chunk by chunk in
// the order of the files. Both are file descriptors. What is wrong with the
// request or its files is the last answer, and no error. Errors: DataLoss for
// input that is no such message; Unavailable when `output` is closed.
absl::Status RunEvalStream(const ServeModel& serve_model,
                           const PathRules& paths, int input, int output);

}  // namespace merganser
