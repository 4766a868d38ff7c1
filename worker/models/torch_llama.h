// Llamas in any dtype on any device, by libtorch.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/checkpoint/language_model_config.h"
#include "worker/models/decoder_engine.h"
#include "worker/models/llama.h"
#include "worker/models/llama_weights.h"

namespace merganser {

// Rounds where transformers does in that dtype with eager attention: norms,
// rotary angles and softmax are computed in float32.
// Errors: ResourceExhausted; Internal with libtorch's message.
absl::StatusOr<std::unique_ptr<DecoderEngine>> CreateTorchLlama(
    const LanguageModelConfig& config, const LlamaSlices& slices,
    int64_t parameters, const LlamaOptions& options);

}  // namespace merganser
