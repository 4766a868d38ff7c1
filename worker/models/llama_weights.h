// Where the weights of a Llama lie in its parameter vector.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "common/checkpoint/language_model_config.h"
#include "common/genome/parameter_layout.h"

namespace merganser {

// y = x * weight^T + bias
struct LinearSlice {
  TensorSlice weight;               // [out][in]
  std::optional<TensorSlice> bias;  // [out]
};

struct LlamaLayerSlices {
  TensorSlice attention_norm;  // [hidden]
  LinearSlice query, key, value, output;
  TensorSlice mlp_norm;  // [hidden]
  LinearSlice gate, up, down;
};

struct LlamaSlices {
  TensorSlice embedding;  // [vocabulary][hidden]
  std::vector<LlamaLayerSlices> layers;
  TensorSlice norm;  // [hidden]
  TensorSlice head;  // [vocabulary][hidden]; the embedding when tied
};

// Errors: InvalidArgument naming a tensor that the layout lacks, or whose shape
// is another than the config wants.
absl::StatusOr<LlamaSlices> FindLlamaSlices(const LanguageModelConfig& config,
                                            const ParameterLayout& layout);

}  // namespace merganser
