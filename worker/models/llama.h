// Language models of the Llama family.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/checkpoint/language_model_config.h"
#include "common/genome/parameter_layout.h"
#include "common/language_task/language_model.h"
#include "common/storage/dtype.h"

namespace merganser {

struct LlamaOptions {
  std::string device = "cpu";  // "cpu" or "cuda:N"
  int threads = 1;             // on the CPU
  // What the parameter vector is written in.
  DType weights_dtype = DType::kF32;
  // What weights are computed with. float32 on the CPU runs in kernels of our
  // own, whose results for a sequence do not depend on what else is in the
  // batch, bit for bit, nor on the number of threads; all else in libtorch.
  DType compute_dtype = DType::kF32;
  // Tokens of a prompt and its continuation; 0: as the config says.
  int64_t maximum_length = 0;
  // Keys and values of larger batches are computed in parts. One sequence of
  // maximum_length always fits.
  int64_t cache_bytes = int64_t{1} << 30;
};

// `layout` is LanguageModelLayout(config). Allocates the parameters; the rest
// grows with the batches and is kept.
// Errors: InvalidArgument for a layout that lacks a tensor or has one of
// another shape, or a maximum_length beyond the config's; ResourceExhausted
// when the device's memory does not suffice; Internal with libtorch's message.
absl::StatusOr<std::unique_ptr<LanguageModel>> CreateLlama(
    const LanguageModelConfig& config, const ParameterLayout& layout,
    const LlamaOptions& options);

}  // namespace merganser
