// Evaluates campaigns of language models with libtorch.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/tasks/evaluator.h"
#include "worker/weights/path_rules.h"

namespace merganser {

struct LanguageEvaluatorOptions {
  std::string device = "cpu";  // as OpenDevice() names it
  int threads = 1;             // per forward pass, and for making weights
  WorkerMetrics metrics;
};

// Reads and checks everything that the spec, of the family language_model,
// names.
// Errors: those of LanguageData::Load() and CreateLlama().
absl::StatusOr<std::unique_ptr<CampaignEvaluator>> CreateLanguageEvaluator(
    const v1::CampaignSpec& spec, const PathRules& paths,
    const LanguageEvaluatorOptions& options);

}  // namespace merganser
