// What a config.json says of a model of the Llama family.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/genome/parameter_layout.h"
#include "common/storage/dtype.h"

namespace merganser {

// How rotary frequencies are stretched for contexts longer than the model was
// first trained on.
struct RopeScaling {
  enum class Kind { kNone, kLinear, kLlama3 };

  Kind kind = Kind::kNone;
  double factor = 1;
  // Llama 3 alone.
  double low_frequency_factor = 1;
  double high_frequency_factor = 4;
  int64_t original_positions = 8192;

  friend bool operator==(const RopeScaling&, const RopeScaling&) = default;
};

// A decoder with rotary positions, RMS norms, grouped query attention and a
// gated SiLU feed-forward: Llama, Mistral, Qwen2.
struct LanguageModelConfig {
  std::string architecture;     // "LlamaForCausalLM", …
  int64_t vocabulary_size = 0;  // rows of the embedding
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t key_value_heads = 0;  // divides heads
  int64_t head_size = 0;        // even
  int64_t positions = 0;        // the longest context
  double norm_epsilon = 1e-6;
  double rope_theta = 10000;
  RopeScaling rope_scaling;
  // Keys that a token sees, itself included; nullopt: all before it.
  std::optional<int64_t> sliding_window;
  bool tied_head = false;  // the head is the embedding
  bool query_key_value_bias = false;
  bool attention_output_bias = false;
  bool mlp_bias = false;
  std::optional<DType> dtype;  // what the file says; weights may differ

  friend bool operator==(const LanguageModelConfig&,
                         const LanguageModelConfig&) = default;
};

// `json` is a config.json as transformers 4 or 5 writes it; `path` begins every
// message.
// Errors: InvalidArgument naming the key and what was expected: an architecture
// or kind of rope scaling that is not supported (with those that are), a number
// that is missing or out of range, sizes that do not fit one another.
absl::StatusOr<LanguageModelConfig> ParseLanguageModelConfig(
    std::string_view json, const std::string& path);

// A dtype by torch's name for it, "float32" or "torch.float32"; nullopt for one
// that weights cannot have.
std::optional<DType> DTypeFromTorchName(std::string_view name);
// "float32", "bfloat16" or "float16".
const char* TorchNameOf(DType dtype);

// The parameter vector: embedding, layer 0, 1, …, final norm, head (unless
// tied); inside a layer by name, in text order. Names and shapes are those of
// the checkpoint's files ("model.embed_tokens.weight" [vocabulary][hidden],
// weights of linear layers [out][in]).
ParameterLayout LanguageModelLayout(const LanguageModelConfig& config);

}  // namespace merganser
