#include "common/checkpoint/language_model_config.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/json_fields.h"

namespace merganser {
namespace {

using nlohmann::json;

// Sizes up to these, so that a layout always fits 63 bits.
constexpr int64_t kMaximumRows = int64_t{1} << 24;
constexpr int64_t kMaximumWidth = int64_t{1} << 22;
constexpr int64_t kMaximumCount = int64_t{1} << 12;
constexpr int64_t kMaximumPositions = int64_t{1} << 31;
constexpr double kLargest = 1e30;

constexpr char kLlama[] = "LlamaForCausalLM";
constexpr char kMistral[] = "MistralForCausalLM";
constexpr char kQwen2[] = "Qwen2ForCausalLM";
constexpr std::array<const char*, 3> kArchitectures = {kLlama, kMistral,
                                                       kQwen2};

// What transformers takes where a file of that family does not say it.
constexpr int64_t kMistralWindow = 4096;
constexpr int64_t kQwen2Window = 4096;
constexpr int64_t kQwen2WindowLayers = 28;

absl::StatusOr<std::string> ReadArchitecture(const JsonFields& fields) {
  const json* const list = fields.Find("architectures");
  const std::string supported =
      absl::StrCat("expected one of ", absl::StrJoin(kArchitectures, ", "));
  if (list == nullptr || !list->is_array() || list->size() != 1 ||
      !(*list)[0].is_string()) {
    return fields.Error(
        "architectures",
        absl::StrCat("expected a list of one name; ", supported));
  }
  const auto name = (*list)[0].get<std::string>();
  if (std::find(kArchitectures.begin(), kArchitectures.end(), name) ==
      kArchitectures.end()) {
    return fields.Error("architectures",
                        absl::StrCat(name, " is not supported; ", supported));
  }
  return name;
}

// What would change the forward pass and is not implemented.
absl::Status RefuseWhatIsNotSupported(const JsonFields& fields) {
  ASSIGN_OR_RETURN(const std::string activation,
                   fields.Text("hidden_act", "silu"));
  if (activation != "silu") {
    return fields.Error(
        "hidden_act",
        absl::StrCat(activation, " is not supported; expected silu"));
  }
  if (fields.Find("quantization_config") != nullptr) {
    return fields.Error("quantization_config",
                        "quantised weights are not supported; expected "
                        "float32, bfloat16 or float16");
  }
  return absl::OkStatus();
}

absl::Status ReadSizes(const JsonFields& fields, LanguageModelConfig& config) {
  ASSIGN_OR_RETURN(config.vocabulary_size,
                   fields.Integer("vocab_size", 1, kMaximumRows));
  ASSIGN_OR_RETURN(config.hidden_size,
                   fields.Integer("hidden_size", 1, kMaximumWidth));
  ASSIGN_OR_RETURN(config.intermediate_size,
                   fields.Integer("intermediate_size", 1, kMaximumWidth));
  ASSIGN_OR_RETURN(config.layers,
                   fields.Integer("num_hidden_layers", 1, kMaximumCount));
  ASSIGN_OR_RETURN(config.positions, fields.Integer("max_position_embeddings",
                                                    1, kMaximumPositions));
  ASSIGN_OR_RETURN(config.norm_epsilon,
                   fields.Number("rms_norm_eps", 0, 1, 1e-6));
  return absl::OkStatus();
}

absl::Status ReadHeads(const JsonFields& fields, LanguageModelConfig& config) {
  ASSIGN_OR_RETURN(config.heads,
                   fields.Integer("num_attention_heads", 1, kMaximumCount));
  // Llama alone takes the heads where the file says nothing.
  const bool llama = config.architecture == kLlama;
  ASSIGN_OR_RETURN(
      config.key_value_heads,
      fields.Integer("num_key_value_heads", 1, kMaximumCount,
                     llama ? std::optional(config.heads) : std::nullopt));
  if (config.heads % config.key_value_heads != 0) {
    return fields.Error(
        "num_key_value_heads",
        absl::StrCat("expected a divisor of the ", config.heads,
                     " of num_attention_heads, not ", config.key_value_heads));
  }
  const bool divides = config.hidden_size % config.heads == 0;
  if (!divides && fields.Find("head_dim") == nullptr) {
    return fields.Error(
        "head_dim",
        absl::StrCat("is missing, and num_attention_heads ", config.heads,
                     " does not divide hidden_size ", config.hidden_size));
  }
  ASSIGN_OR_RETURN(config.head_size,
                   fields.Integer("head_dim", 1, kMaximumCount,
                                  config.hidden_size / config.heads));
  if (config.head_size % 2 != 0) {
    return fields.Error(
        "head_dim",
        absl::StrCat("expected an even number, not ", config.head_size));
  }
  return absl::OkStatus();
}

absl::Status ReadBiases(const JsonFields& fields, LanguageModelConfig& config) {
  ASSIGN_OR_RETURN(config.tied_head,
                   fields.Boolean("tie_word_embeddings", false));
  if (config.architecture == kQwen2) config.query_key_value_bias = true;
  if (config.architecture != kLlama) return absl::OkStatus();
  ASSIGN_OR_RETURN(config.query_key_value_bias,
                   fields.Boolean("attention_bias", false));
  config.attention_output_bias = config.query_key_value_bias;
  ASSIGN_OR_RETURN(config.mlp_bias, fields.Boolean("mlp_bias", false));
  return absl::OkStatus();
}

absl::StatusOr<RopeScaling> ReadLlama3(const JsonFields& fields) {
  RopeScaling scaling{.kind = RopeScaling::Kind::kLlama3};
  ASSIGN_OR_RETURN(scaling.factor, fields.Number("factor", 1, kLargest));
  ASSIGN_OR_RETURN(scaling.low_frequency_factor,
                   fields.Number("low_freq_factor", 0, kLargest));
  ASSIGN_OR_RETURN(scaling.high_frequency_factor,
                   fields.Number("high_freq_factor", 0, kLargest));
  ASSIGN_OR_RETURN(
      scaling.original_positions,
      fields.Integer("original_max_position_embeddings", 1, kMaximumPositions));
  if (scaling.high_frequency_factor <= scaling.low_frequency_factor) {
    return fields.Error("high_freq_factor",
                        "expected more than low_freq_factor");
  }
  return scaling;
}

absl::StatusOr<RopeScaling> ReadScaling(const JsonFields& fields) {
  const char* const key =
      fields.Find("rope_type") != nullptr ? "rope_type" : "type";
  ASSIGN_OR_RETURN(const std::string type, fields.Text(key, "default"));
  if (type == "default") return RopeScaling{};
  if (type == "llama3") return ReadLlama3(fields);
  if (type != "linear") {
    return fields.Error(
        key, absl::StrCat(type,
                          " is not supported; expected one of default, "
                          "linear, llama3"));
  }
  RopeScaling scaling{.kind = RopeScaling::Kind::kLinear};
  ASSIGN_OR_RETURN(scaling.factor, fields.Number("factor", 1, kLargest));
  return scaling;
}

absl::Status RefusePartialRotation(const JsonFields& fields) {
  constexpr char kKey[] = "partial_rotary_factor";
  ASSIGN_OR_RETURN(const double rotated, fields.Number(kKey, 0, 1, 1.0));
  if (rotated == 1) return absl::OkStatus();
  return fields.Error(kKey,
                      absl::StrCat(rotated, " is not supported; expected 1"));
}

// transformers 4: `rope_theta` and `rope_scaling`; 5: both in
// `rope_parameters`.
absl::Status ReadRope(const JsonFields& fields, const std::string& path,
                      LanguageModelConfig& config) {
  RETURN_IF_ERROR(RefusePartialRotation(fields));
  ASSIGN_OR_RETURN(config.rope_theta,
                   fields.Number("rope_theta", 1, kLargest, 10000));
  const char* const key = fields.Find("rope_parameters") != nullptr
                              ? "rope_parameters"
                              : "rope_scaling";
  const json* const value = fields.Find(key);
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_object()) return fields.Error(key, "expected an object");
  for (const auto& [name, part] : value->items()) {
    if (!part.is_object()) continue;
    return fields.Error(key, absl::StrCat("parameters per kind of layer (",
                                          name, ") are not supported"));
  }
  const JsonFields rope(*value, absl::StrCat(path, ": ", key));
  RETURN_IF_ERROR(RefusePartialRotation(rope));
  ASSIGN_OR_RETURN(config.rope_theta,
                   rope.Number("rope_theta", 1, kLargest, config.rope_theta));
  ASSIGN_OR_RETURN(config.rope_scaling, ReadScaling(rope));
  return absl::OkStatus();
}

// Layers of Qwen2 that have a window: those from max_window_layers on, or those
// that `layer_types` names.
absl::StatusOr<int64_t> CountWindowLayers(const JsonFields& fields,
                                          int64_t layers) {
  ASSIGN_OR_RETURN(const int64_t first,
                   fields.Integer("max_window_layers", 0, kMaximumPositions,
                                  kQwen2WindowLayers));
  const json* const types = fields.Find("layer_types");
  if (types == nullptr) return std::max<int64_t>(layers - first, 0);
  if (!types->is_array() || static_cast<int64_t>(types->size()) != layers) {
    return fields.Error("layer_types",
                        absl::StrCat("expected a list of ", layers, " names"));
  }
  return std::count(types->begin(), types->end(), json("sliding_attention"));
}

absl::Status ReadQwen2Window(const JsonFields& fields,
                             LanguageModelConfig& config) {
  ASSIGN_OR_RETURN(const bool used,
                   fields.Boolean("use_sliding_window", false));
  if (!used) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t with_window,
                   CountWindowLayers(fields, config.layers));
  if (with_window == 0) return absl::OkStatus();
  if (with_window != config.layers) {
    return fields.Error(
        "max_window_layers",
        absl::StrCat("a sliding window in ", with_window, " of ", config.layers,
                     " layers is not supported; expected all of them, or "
                     "none"));
  }
  ASSIGN_OR_RETURN(
      config.sliding_window,
      fields.Integer("sliding_window", 1, kMaximumPositions, kQwen2Window));
  return absl::OkStatus();
}

absl::Status ReadWindow(const JsonFields& fields, const json& root,
                        LanguageModelConfig& config) {
  if (config.architecture == kQwen2) return ReadQwen2Window(fields, config);
  if (config.architecture != kMistral) return absl::OkStatus();
  const bool is_null =
      root.contains("sliding_window") && root["sliding_window"].is_null();
  if (is_null) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      config.sliding_window,
      fields.Integer("sliding_window", 1, kMaximumPositions, kMistralWindow));
  return absl::OkStatus();
}

absl::Status ReadDType(const JsonFields& fields, LanguageModelConfig& config) {
  const char* const key =
      fields.Find("dtype") != nullptr ? "dtype" : "torch_dtype";
  ASSIGN_OR_RETURN(const std::string text, fields.Text(key, "auto"));
  if (text == "auto") return absl::OkStatus();
  config.dtype = DTypeFromTorchName(text);
  if (config.dtype.has_value()) return absl::OkStatus();
  return fields.Error(key, absl::StrCat(text,
                                        " is not supported; expected one of "
                                        "float32, bfloat16, float16"));
}

// Appends tensors of one model; their sizes are bounded, so that they fit.
class LayoutBuilder {
 public:
  void Append(std::string name, std::vector<int64_t> shape) {
    AppendTensor(std::move(name), std::move(shape), layout_).IgnoreError();
  }
  void AppendLinear(const std::string& name, bool bias, int64_t out,
                    int64_t in) {
    if (bias) Append(name + ".bias", {out});
    Append(name + ".weight", {out, in});
  }
  ParameterLayout Finish() { return std::move(layout_); }

 private:
  ParameterLayout layout_;
};

void AppendLayer(const LanguageModelConfig& config, int64_t layer,
                 LayoutBuilder& builder) {
  const std::string name = absl::StrCat("model.layers.", layer, ".");
  const int64_t hidden = config.hidden_size;
  const int64_t inner = config.intermediate_size;
  const int64_t queries = config.heads * config.head_size;
  const int64_t keys = config.key_value_heads * config.head_size;
  const bool bias = config.query_key_value_bias;
  builder.Append(name + "input_layernorm.weight", {hidden});
  builder.AppendLinear(name + "mlp.down_proj", config.mlp_bias, hidden, inner);
  builder.AppendLinear(name + "mlp.gate_proj", config.mlp_bias, inner, hidden);
  builder.AppendLinear(name + "mlp.up_proj", config.mlp_bias, inner, hidden);
  builder.Append(name + "post_attention_layernorm.weight", {hidden});
  builder.AppendLinear(name + "self_attn.k_proj", bias, keys, hidden);
  builder.AppendLinear(name + "self_attn.o_proj", config.attention_output_bias,
                       hidden, queries);
  builder.AppendLinear(name + "self_attn.q_proj", bias, queries, hidden);
  builder.AppendLinear(name + "self_attn.v_proj", bias, keys, hidden);
}

}  // namespace

absl::StatusOr<LanguageModelConfig> ParseLanguageModelConfig(
    std::string_view text, const std::string& path) {
  ASSIGN_OR_RETURN(const json root, ParseJsonObject(text, path));
  const JsonFields fields(root, path);
  LanguageModelConfig config;
  ASSIGN_OR_RETURN(config.architecture, ReadArchitecture(fields));
  RETURN_IF_ERROR(RefuseWhatIsNotSupported(fields));
  RETURN_IF_ERROR(ReadSizes(fields, config));
  RETURN_IF_ERROR(ReadHeads(fields, config));
  RETURN_IF_ERROR(ReadBiases(fields, config));
  RETURN_IF_ERROR(ReadRope(fields, path, config));
  RETURN_IF_ERROR(ReadWindow(fields, root, config));
  RETURN_IF_ERROR(ReadDType(fields, config));
  return config;
}

std::optional<DType> DTypeFromTorchName(std::string_view name) {
  constexpr std::string_view kPrefix = "torch.";
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    if (name == TorchNameOf(dtype)) return dtype;
  }
  return std::nullopt;
}

const char* TorchNameOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "float32";
    case DType::kBF16:
      return "bfloat16";
    case DType::kF16:
      return "float16";
  }
  return "unknown";
}

ParameterLayout LanguageModelLayout(const LanguageModelConfig& config) {
  LayoutBuilder builder;
  const std::vector<int64_t> embedding = {config.vocabulary_size,
                                          config.hidden_size};
  builder.Append("model.embed_tokens.weight", embedding);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    AppendLayer(config, layer, builder);
  }
  builder.Append("model.norm.weight", {config.hidden_size});
  if (!config.tied_head) builder.Append("lm_head.weight", embedding);
  return builder.Finish();
}

}  // namespace merganser
