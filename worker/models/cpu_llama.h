// Llamas in float32 on the CPU, without libtorch.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/checkpoint/language_model_config.h"
#include "worker/models/decoder_engine.h"
#include "worker/models/llama.h"
#include "worker/models/llama_weights.h"

namespace merganser {

// Errors: ResourceExhausted.
absl::StatusOr<std::unique_ptr<DecoderEngine>> CreateCpuLlama(
    const LanguageModelConfig& config, const LlamaSlices& slices,
    int64_t parameters, const LlamaOptions& options);

}  // namespace merganser
