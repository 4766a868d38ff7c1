#include "worker/models/llama.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "worker/models/cpu_llama.h"
#include "worker/models/forest_model.h"
#include "worker/models/llama_weights.h"
#include "worker/models/torch_llama.h"

namespace merganser {

absl::StatusOr<std::unique_ptr<LanguageModel>> CreateLlama(
    const LanguageModelConfig& config, const ParameterLayout& layout,
    const LlamaOptions& options) {
  if (options.maximum_length < 0 || options.maximum_length > config.positions) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a maximum length of ", options.maximum_length,
        "; the model has been made for ", config.positions, " tokens"));
  }
  ASSIGN_OR_RETURN(const LlamaSlices slices, FindLlamaSlices(config, layout));
  const bool own =
      options.device == "cpu" && options.compute_dtype == DType::kF32;
  ASSIGN_OR_RETURN(
      std::unique_ptr<DecoderEngine> engine,
      own ? CreateCpuLlama(config, slices, layout.length, options)
          : CreateTorchLlama(config, slices, layout.length, options));
  const ForestModel::Limits limits{
      .vocabulary_size = config.vocabulary_size,
      .maximum_length = options.maximum_length == 0 ? config.positions
                                                    : options.maximum_length,
      .cache_bytes = options.cache_bytes};
  return std::make_unique<ForestModel>(std::move(engine), limits);
}

}  // namespace merganser
