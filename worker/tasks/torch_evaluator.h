// Evaluates campaigns with libtorch.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/tasks/evaluator.h"
#include "worker/weights/path_rules.h"

namespace merganser {

struct TorchEvaluatorOptions {
  std::string device = "auto";  // "cpu", "cuda:N" or "auto"
  int threads = 1;              // per forward pass, and for making weights
  PathRules paths{""};
};

// Errors: what OpenDevice() says. Call it once per process.
absl::StatusOr<std::unique_ptr<EvaluatorFactory>> CreateTorchEvaluators(
    const TorchEvaluatorOptions& options);

}  // namespace merganser
