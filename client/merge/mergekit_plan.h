// From a mergekit configuration to what each tensor is made of.
#pragma once

#include <span>

#include "absl/status/statusor.h"
#include "client/merge/merge_plan.h"
#include "client/merge/mergekit_file.h"
#include "common/checkpoint/language_model_config.h"

namespace merganser {

// `configs` are those of file.models. What mergekit 0.1.5 computes, in the
// coefficients' exact values:
//   linear           sum of weight * model, by the sum of weights (normalize)
//   slerp            from the base model to the other one at t
//   task_arithmetic  base + lambda * sum of weight * (model - base), by the sum
//                    of weights (normalize)
//   passthrough      scale * the only model
// The embedding has the parameters of the first slice at its first layer; the
// final norm and the head those of the last slice at its first layer.
// Errors: InvalidArgument with the line, and the tensor where it is one: a
// parameter that is missing, inputs that the method does not take, layers that
// a model does not have, models whose tensors differ in shape.
absl::StatusOr<MergePlan> PlanOfMergekit(
    const MergekitFile& file, std::span<const LanguageModelConfig> configs);

}  // namespace merganser
