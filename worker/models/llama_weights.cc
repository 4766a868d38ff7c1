#include "worker/models/llama_weights.h"

#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

class SliceFinder {
 public:
  explicit SliceFinder(const ParameterLayout& layout) {
    for (const TensorSlice& slice : layout.tensors) {
      by_name_.emplace(slice.name, &slice);
    }
  }

  absl::Status Find(const std::string& name, std::vector<int64_t> shape,
                    TensorSlice& slice) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " is missing; expected shape [",
                       absl::StrJoin(shape, ", "), "]"));
    }
    if (found->second->shape != shape) {
      return absl::InvalidArgumentError(absl::StrCat(
          name, " has shape [", absl::StrJoin(found->second->shape, ", "),
          "]; expected [", absl::StrJoin(shape, ", "), "]"));
    }
    slice = *found->second;
    return absl::OkStatus();
  }

  absl::Status FindLinear(const std::string& name, int64_t outputs,
                          int64_t inputs, bool bias,
                          LinearSlice& linear) const {
    RETURN_IF_ERROR(
        Find(absl::StrCat(name, ".weight"), {outputs, inputs}, linear.weight));
    if (!bias) return absl::OkStatus();
    return Find(absl::StrCat(name, ".bias"), {outputs}, linear.bias.emplace());
  }

 private:
  std::map<std::string, const TensorSlice*> by_name_;
};

absl::StatusOr<LlamaLayerSlices> FindLayer(const SliceFinder& finder,
                                           const LanguageModelConfig& config,
                                           int64_t index) {
  const std::string layer = absl::StrCat("model.layers.", index, ".");
  const std::string attention = absl::StrCat(layer, "self_attn.");
  const std::string mlp = absl::StrCat(layer, "mlp.");
  const int64_t hidden = config.hidden_size;
  const int64_t queries = config.heads * config.head_size;
  const int64_t keys = config.key_value_heads * config.head_size;
  const bool qkv_bias = config.query_key_value_bias;
  LlamaLayerSlices found;
  RETURN_IF_ERROR(finder.Find(absl::StrCat(layer, "input_layernorm.weight"),
                              {hidden}, found.attention_norm));
  RETURN_IF_ERROR(finder.FindLinear(absl::StrCat(attention, "q_proj"), queries,
                                    hidden, qkv_bias, found.query));
  RETURN_IF_ERROR(finder.FindLinear(absl::StrCat(attention, "k_proj"), keys,
                                    hidden, qkv_bias, found.key));
  RETURN_IF_ERROR(finder.FindLinear(absl::StrCat(attention, "v_proj"), keys,
                                    hidden, qkv_bias, found.value));
  RETURN_IF_ERROR(finder.FindLinear(absl::StrCat(attention, "o_proj"), hidden,
                                    queries, config.attention_output_bias,
                                    found.output));
  RETURN_IF_ERROR(
      finder.Find(absl::StrCat(layer, "post_attention_layernorm.weight"),
                  {hidden}, found.mlp_norm));
  RETURN_IF_ERROR(finder.FindLinear(absl::StrCat(mlp, "gate_proj"),
                                    config.intermediate_size, hidden,
                                    config.mlp_bias, found.gate));
  RETURN_IF_ERROR(finder.FindLinear(absl::StrCat(mlp, "up_proj"),
                                    config.intermediate_size, hidden,
                                    config.mlp_bias, found.up));
  RETURN_IF_ERROR(finder.FindLinear(absl::StrCat(mlp, "down_proj"), hidden,
                                    config.intermediate_size, config.mlp_bias,
                                    found.down));
  return found;
}

}  // namespace

absl::StatusOr<LlamaSlices> FindLlamaSlices(const LanguageModelConfig& config,
                                            const ParameterLayout& layout) {
  const SliceFinder finder(layout);
  const std::vector<int64_t> table = {config.vocabulary_size,
                                      config.hidden_size};
  LlamaSlices slices;
  RETURN_IF_ERROR(
      finder.Find("model.embed_tokens.weight", table, slices.embedding));
  for (int64_t i = 0; i < config.layers; ++i) {
    ASSIGN_OR_RETURN(LlamaLayerSlices layer, FindLayer(finder, config, i));
    slices.layers.push_back(std::move(layer));
  }
  RETURN_IF_ERROR(
      finder.Find("model.norm.weight", {config.hidden_size}, slices.norm));
  if (config.tied_head) {
    slices.head = slices.embedding;
    return slices;
  }
  RETURN_IF_ERROR(finder.Find("lm_head.weight", table, slices.head));
  return slices;
}

}  // namespace merganser
