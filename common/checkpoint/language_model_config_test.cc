#include "common/checkpoint/language_model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/storage/file.h"
#include "common/storage/safetensors.h"

namespace merganser {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string Folder(const std::string& name) {
  return std::string(MERGANSER_SOURCE_DIR) + "/tests/data/llm/" + name;
}

std::string ReadText(const std::string& path) { return *ReadFile(path); }

LanguageModelConfig ConfigOf(const std::string& name) {
  const std::string path = Folder(name) + "/config.json";
  const auto config = ParseLanguageModelConfig(ReadText(path), path);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.value_or(LanguageModelConfig{});
}

// tiny-llama-base, of which a, b and c are descendants.
LanguageModelConfig TinyLlama(DType dtype) {
  return {.architecture = "LlamaForCausalLM",
          .vocabulary_size = 520,
          .hidden_size = 96,
          .intermediate_size = 256,
          .layers = 3,
          .heads = 6,
          .key_value_heads = 2,
          .head_size = 16,
          .positions = 256,
          .norm_epsilon = 1e-5,
          .rope_theta = 10000,
          .dtype = dtype};
}

LanguageModelConfig TinyLlamaRope3(DType dtype) {
  return {.architecture = "LlamaForCausalLM",
          .vocabulary_size = 520,
          .hidden_size = 32,
          .intermediate_size = 64,
          .layers = 11,
          .heads = 4,
          .key_value_heads = 2,
          .head_size = 8,
          .positions = 256,
          .norm_epsilon = 1e-5,
          .rope_theta = 500000,
          .rope_scaling = {.kind = RopeScaling::Kind::kLlama3,
                           .factor = 8,
                           .low_frequency_factor = 1,
                           .high_frequency_factor = 4,
                           .original_positions = 32},
          .dtype = dtype};
}

struct Reference {
  std::string name;
  LanguageModelConfig config;
};

const std::vector<Reference>& References() {
  static const auto* const references = new std::vector<Reference>{
      {"tiny-llama-base", TinyLlama(DType::kF32)},
      {"tiny-llama-a", TinyLlama(DType::kF32)},   // transformers 4
      {"tiny-llama-b", TinyLlama(DType::kF32)},   // transformers 5
      {"tiny-llama-c", TinyLlama(DType::kBF16)},  // torch_dtype
      {"tiny-llama-rope3", TinyLlamaRope3(DType::kF32)},
      {"tiny-llama-rope3-b", TinyLlamaRope3(DType::kBF16)},
      {"tiny-llama-tied",
       {.architecture = "LlamaForCausalLM",
        .vocabulary_size = 400,
        .hidden_size = 48,
        .intermediate_size = 128,
        .layers = 2,
        .heads = 6,
        .key_value_heads = 6,
        .head_size = 8,
        .positions = 256,
        .norm_epsilon = 1e-6,
        .rope_scaling = {.kind = RopeScaling::Kind::kLinear, .factor = 2},
        .tied_head = true,
        .query_key_value_bias = true,
        .attention_output_bias = true,
        .mlp_bias = true,
        .dtype = DType::kF16}},
      {"tiny-mistral",
       {.architecture = "MistralForCausalLM",
        .vocabulary_size = 480,
        .hidden_size = 48,
        .intermediate_size = 128,
        .layers = 4,
        .heads = 6,
        .key_value_heads = 2,
        .head_size = 16,
        .positions = 256,
        .norm_epsilon = 1e-5,
        .rope_theta = 1e6,
        .sliding_window = 16,
        .dtype = DType::kBF16}},
      {"tiny-qwen2",
       {.architecture = "Qwen2ForCausalLM",
        .vocabulary_size = 448,
        .hidden_size = 48,
        .intermediate_size = 128,
        .layers = 3,
        .heads = 6,
        .key_value_heads = 2,
        .head_size = 8,
        .positions = 256,
        .norm_epsilon = 1e-6,
        .rope_theta = 1e6,
        .tied_head = true,
        .query_key_value_bias = true,
        .dtype = DType::kF32}}};
  return *references;
}

TEST(LanguageModelConfigTest, ReadsTheReferenceModels) {
  for (const auto& [name, expected] : References()) {
    EXPECT_EQ(ConfigOf(name), expected) << name;
  }
}

TEST(LanguageModelLayoutTest, NamesEveryTensorOfTheReferenceModels) {
  for (const auto& [name, config] : References()) {
    if (name == "tiny-llama-b") continue;  // in shards
    const auto file =
        SafetensorsFile::Open(Folder(name) + "/model.safetensors").value();
    const ParameterLayout layout = LanguageModelLayout(config);
    std::vector<std::string> names;
    for (const TensorSlice& tensor : layout.tensors) {
      names.push_back(tensor.name);
      EXPECT_EQ(file->Tensor(tensor.name)->shape, tensor.shape)
          << name << ": " << tensor.name;
    }
    EXPECT_THAT(names, testing::UnorderedElementsAreArray(file->names()));
  }
}

TEST(LanguageModelLayoutTest, IsInExecutionOrder) {
  const json expected =
      json::parse(ReadText(Folder("merge_expected/m2n2.json")));
  const ParameterLayout layout =
      LanguageModelLayout(ConfigOf("tiny-llama-base"));
  EXPECT_EQ(layout.length, expected["D"].get<int64_t>());
  ASSERT_EQ(layout.tensors.size(), expected["order"].size());
  for (size_t i = 0; i < layout.tensors.size(); ++i) {
    const json& tensor = expected["order"][i];
    EXPECT_EQ(layout.tensors[i].name, tensor["name"]);
    EXPECT_EQ(layout.tensors[i].offset, tensor["offset"].get<int64_t>());
    EXPECT_EQ(layout.tensors[i].shape,
              tensor["shape"].get<std::vector<int64_t>>());
  }
}

TEST(LanguageModelLayoutTest, CountsLayersAsNumbers) {
  const json expected =
      json::parse(ReadText(Folder("merge_expected/m2n2_eleven_layers.json")));
  std::vector<std::string> names;
  for (const TensorSlice& tensor :
       LanguageModelLayout(ConfigOf("tiny-llama-rope3")).tensors) {
    names.push_back(tensor.name);
  }
  EXPECT_EQ(names, expected["order"].get<std::vector<std::string>>());
}

// A config.json with some keys changed; null removes one.
absl::StatusOr<LanguageModelConfig> ParseChanged(const std::string& name,
                                                 const json& changes) {
  json root = json::parse(ReadText(Folder(name) + "/config.json"));
  root.merge_patch(changes);
  return ParseLanguageModelConfig(root.dump(), "config.json");
}

TEST(LanguageModelConfigTest, TakesWhatTransformersTakesForMissingKeys) {
  const auto config = ParseChanged("tiny-llama-a", {{"num_key_value_heads", {}},
                                                    {"rms_norm_eps", {}},
                                                    {"rope_theta", {}},
                                                    {"torch_dtype", {}},
                                                    {"hidden_act", {}}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->key_value_heads, 6);
  EXPECT_EQ(config->norm_epsilon, 1e-6);
  EXPECT_EQ(config->rope_theta, 10000);
  EXPECT_EQ(config->dtype, std::nullopt);
  EXPECT_EQ(
      ParseChanged("tiny-mistral", {{"sliding_window", {}}})->sliding_window,
      4096);
}

TEST(LanguageModelConfigTest, ANullWindowOfMistralIsNone) {
  json root = json::parse(ReadText(Folder("tiny-mistral") + "/config.json"));
  root["sliding_window"] = nullptr;
  EXPECT_EQ(ParseLanguageModelConfig(root.dump(), "x")->sliding_window,
            std::nullopt);
}

TEST(LanguageModelConfigTest, TheOldNameOfTheKindOfScalingIsRead) {
  const auto config =
      ParseChanged("tiny-llama-a",
                   {{"rope_scaling", {{"type", "linear"}, {"factor", 4.0}}}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->rope_scaling,
            (RopeScaling{.kind = RopeScaling::Kind::kLinear, .factor = 4}));
}

TEST(LanguageModelConfigTest, Qwen2HasAWindowInAllLayersOrInNone) {
  struct Case {
    const char* what;
    json changes;
    std::optional<int64_t> window;
  };
  const std::vector<Case> cases = {
      {"not used", {{"max_window_layers", 0}}, std::nullopt},
      {"from layer 0 on",
       {{"use_sliding_window", true}, {"max_window_layers", 0}},
       16},
      {"from behind the last layer on",
       {{"use_sliding_window", true}, {"max_window_layers", 3}},
       std::nullopt},
      {"by default from layer 28 on",
       {{"use_sliding_window", true}, {"max_window_layers", {}}},
       std::nullopt},
      {"named layer by layer",
       {{"use_sliding_window", true},
        {"layer_types",
         {"sliding_attention", "sliding_attention", "sliding_attention"}}},
       16}};
  for (const Case& c : cases) {
    const auto config = ParseChanged("tiny-qwen2", c.changes);
    ASSERT_TRUE(config.ok()) << c.what << ": " << config.status();
    EXPECT_EQ(config->sliding_window, c.window) << c.what;
  }
}

struct BadConfig {
  const char* seed;
  json changes;
  const char* message;
};

TEST(LanguageModelConfigTest, RefusesWhatItCannotRun) {
  const std::vector<BadConfig> cases = {
      {"tiny-llama-a",
       {{"architectures", {"GemmaForCausalLM"}}},
       "config.json: architectures: GemmaForCausalLM is not supported; "
       "expected one of LlamaForCausalLM, MistralForCausalLM, "
       "Qwen2ForCausalLM"},
      {"tiny-llama-a", {{"architectures", {}}}, "a list of one name"},
      {"tiny-llama-a",
       {{"rope_scaling", {{"rope_type", "yarn"}, {"factor", 4}}}},
       "config.json: rope_scaling: rope_type: yarn is not supported; expected "
       "one of default, linear, llama3"},
      {"tiny-llama-b",
       {{"rope_parameters", {{"rope_type", "dynamic"}}}},
       "rope_parameters: rope_type: dynamic is not supported"},
      {"tiny-llama-b",
       {{"rope_parameters", {{"full_attention", {{"rope_theta", 1}}}}}},
       "per kind of layer (full_attention)"},
      {"tiny-llama-rope3",
       {{"rope_parameters", {{"low_freq_factor", {}}}}},
       "rope_parameters: low_freq_factor: is missing"},
      {"tiny-llama-rope3",
       {{"rope_parameters", {{"high_freq_factor", 1.0}}}},
       "high_freq_factor: expected more than low_freq_factor"},
      {"tiny-llama-tied", {{"rope_scaling", {{"factor", 0.5}}}}, "factor"},
      {"tiny-llama-a", {{"rope_scaling", 3}}, "rope_scaling: expected an obj"},
      {"tiny-llama-a", {{"partial_rotary_factor", 0.5}}, "partial_rotary"},
      {"tiny-llama-a", {{"hidden_act", "gelu"}}, "gelu is not supported; exp"},
      {"tiny-llama-a",
       {{"quantization_config", {{"bits", 4}}}},
       "quantised weights are not supported"},
      {"tiny-llama-a", {{"torch_dtype", "float8_e4m3fn"}}, "float8_e4m3fn is"},
      {"tiny-llama-a", {{"vocab_size", {}}}, "vocab_size: is missing"},
      {"tiny-llama-a", {{"hidden_size", 96.5}}, "hidden_size: expected an int"},
      {"tiny-llama-a", {{"hidden_size", -96}}, "integer of 1 to 4194304"},
      {"tiny-llama-a", {{"num_hidden_layers", 0}}, "num_hidden_layers"},
      {"tiny-llama-a", {{"num_hidden_layers", 4097}}, "num_hidden_layers"},
      {"tiny-llama-a", {{"vocab_size", 18446744073709551615u}}, "vocab_size"},
      {"tiny-llama-a",
       {{"num_key_value_heads", 4}},
       "num_key_value_heads: expected a divisor of the 6"},
      {"tiny-qwen2", {{"num_key_value_heads", {}}}, "is missing"},
      {"tiny-llama-a", {{"num_attention_heads", 7}}, "divisor of the 7"},
      {"tiny-llama-a",
       {{"num_attention_heads", 5}, {"num_key_value_heads", 1}},
       "head_dim: is missing, and num_attention_heads 5"},
      {"tiny-llama-a", {{"head_dim", 15}}, "expected an even number, not 15"},
      {"tiny-llama-a", {{"tie_word_embeddings", 1}}, "expected true or false"},
      {"tiny-llama-a", {{"rms_norm_eps", "small"}}, "rms_norm_eps: expected"},
      {"tiny-qwen2",
       {{"use_sliding_window", true}},
       "a sliding window in 2 of 3 layers is not supported"},
      {"tiny-qwen2",
       {{"use_sliding_window", true}, {"layer_types", {"full_attention"}}},
       "layer_types: expected a list of 3 names"}};
  for (const BadConfig& c : cases) {
    const absl::Status status = ParseChanged(c.seed, c.changes).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
}

TEST(LanguageModelConfigTest, RefusesWhatIsNoJson) {
  for (const char* text : {"", "[]", "{", "7"}) {
    EXPECT_EQ(
        ParseLanguageModelConfig(text, "x/config.json").status(),
        absl::InvalidArgumentError("x/config.json: expected a JSON object"));
  }
}

TEST(LanguageModelConfigTest, JsonThatIsNestedDeeplyIsRefused) {
  const std::string deep = std::string(1'000'000, '[');
  for (const std::string& text :
       {deep, "{\"vocab_size\": " + deep + std::string(deep.size(), ']') + "}",
        "{\"x\": " + deep + std::string(deep.size(), ']') + "}"}) {
    const auto config = ParseLanguageModelConfig(text, "config.json");
    EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_LT(config.status().message().size(), 200u);
  }
}

}  // namespace
}  // namespace merganser
