// Merges against what mergekit 0.1.5 and numpy made of the same models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/merge/merge_job.h"
#include "client/merge/merge_sources.h"
#include "common/checkpoint/checkpoint.h"
#include "common/storage/test_files.h"

namespace merganser {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Data(const std::string& name) {
  return std::string(MERGANSER_SOURCE_DIR) + "/tests/data/llm/" + name;
}

json ReadJson(const std::string& path) {
  std::ifstream stream(path);
  return json::parse(stream);
}

bool GoOn(int64_t, int64_t) { return true; }

// A folder with a merge file in it and room for the result.
class MergeTest : public testing::Test {
 protected:
  absl::StatusOr<MergeResult> MergeText(const std::string& text,
                                        MergeRequest request = {}) {
    folder_.Write("merge.yml", text);
    request.file = folder_.File("merge.yml");
    request.output = Output();
    request.models_root = Data("");
    return Merge(request, GoOn);
  }
  std::string Output() const { return folder_.File("out"); }

  TestFolder folder_;
};

std::vector<float> FloatsOf(const TensorView& tensor) {
  std::vector<float> values(tensor.elements);
  EXPECT_EQ(tensor.dtype, DType::kF32);
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

std::string Sha256Hex(const TensorView& tensor) {
  return Sha256({reinterpret_cast<const char*>(tensor.bytes.data()),
                 tensor.bytes.size()})
      .ToHex();
}

// The tolerance of the reference data for one element.
double Tolerance(double value) { return 2e-7 * (1 + std::abs(value)); }

void ExpectTensor(const TensorView& tensor, const json& expected) {
  ASSERT_EQ(tensor.shape, expected["shape"].get<std::vector<int64_t>>());
  const std::vector<float> values = FloatsOf(tensor);
  double sum = 0;
  double squares = 0;
  double sum_tolerance = 0;
  for (const float value : values) {
    sum += value;
    squares += double{value} * value;
    sum_tolerance += Tolerance(value);
  }
  for (size_t i = 0; i < 8; ++i) {
    const double right = expected["first8"][i];
    EXPECT_NEAR(values[i], right, Tolerance(right)) << tensor.name << i;
  }
  EXPECT_NEAR(sum, expected["sum"], sum_tolerance) << tensor.name;
  EXPECT_NEAR(std::sqrt(squares), expected["l2"],
              2e-7 * (1 + std::sqrt(static_cast<double>(tensor.elements))))
      << tensor.name;
}

class ReferenceMergeTest : public MergeTest,
                           public testing::WithParamInterface<const char*> {};

TEST_P(ReferenceMergeTest, GivesWhatMergekitGives) {
  const std::string method = GetParam();
  const json expected = ReadJson(Data("merge_expected/" + method + ".json"));
  const auto result = MergeText(expected["yaml"], {.threads = 2});
  ASSERT_TRUE(result.ok()) << result.status();
  const auto merged = Checkpoint::Open(Output());
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_EQ((*merged)->names().size(), expected["tensors"].size());
  for (const auto& [name, tensor] : expected["tensors"].items()) {
    const TensorView view = *(*merged)->Tensor(name);
    ExpectTensor(view, tensor);
    if (method == "passthrough") {
      EXPECT_EQ(Sha256Hex(view), tensor["sha256_f32"]) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, ReferenceMergeTest,
                         testing::Values("linear", "linear_three",
                                         "linear_unnormalised", "slerp",
                                         "slerp_gradient", "task_arithmetic",
                                         "passthrough"),
                         [](const auto& name) { return name.param; });

TEST_F(MergeTest, StackedLayersAreCountedInTheConfig) {
  const json expected = ReadJson(Data("merge_expected/passthrough.json"));
  ASSERT_TRUE(MergeText(expected["yaml"]).ok());
  const json config = ReadJson(Output() + "/config.json");
  EXPECT_EQ(config["num_hidden_layers"], 4);
  EXPECT_EQ((*Checkpoint::Open(Output()))->config().layers, 4);
}

std::string RecipeText(const std::vector<int64_t>& starts,
                       const json& coefficients,
                       const std::vector<std::string>& seeds) {
  json list = json::array();
  for (const std::string& seed : seeds) {
    list.push_back({{"name", seed}, {"path", "tiny-llama-" + seed}});
  }
  return json({{"format", "merganser-winner/1"},
               {"seeds", list},
               {"recipe",
                {{"format", "merganser-recipe/1"},
                 {"seeds", seeds.size()},
                 {"chromosomes",
                  {{{"starts", starts}, {"coefficients", coefficients}}}}}}})
      .dump();
}

// SHA-256 over the parameter vector.
std::string VectorHex(const std::string& folder) {
  const auto merged = *Checkpoint::Open(folder);
  DigestBuilder builder;
  for (const TensorSlice& slice : merged->layout().tensors) {
    builder.Raw(merged->Tensor(slice.name)->bytes);
  }
  return builder.Finish().ToHex();
}

class RecipeMergeTest : public MergeTest {
 protected:
  void ExpectBits(const std::string& recipe, const json& expected) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      const auto result = MergeText(recipe, {.dtype = dtype, .threads = 2});
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(VectorHex(Output()),
                expected[dtype == DType::kF32 ? "sha256_fma_f32"
                                              : "sha256_fma_bf16"]);
    }
  }
};

TEST_F(RecipeMergeTest, RecipesOfThreeGenerationsGiveTheirBits) {
  const json reference = ReadJson(Data("merge_expected/m2n2.json"));
  for (const auto& [name, child] : reference["generations"].items()) {
    std::vector<int64_t> starts;
    json coefficients = json::array();
    for (const json& segment : child["recipe"]) {
      starts.push_back(segment["from"]);
      coefficients.push_back(segment["coefficients"]);
    }
    ExpectBits(RecipeText(starts, coefficients, {"a", "b", "c"}), child);
  }
}

TEST_F(RecipeMergeTest, OneCrossoverGivesItsBits) {
  json cases = ReadJson(Data("merge_expected/m2n2.json"))["cases"];
  cases.push_back(ReadJson(Data("merge_expected/m2n2_eleven_layers.json")));
  for (const json& c : cases) {
    const bool eleven = c["parents"][0] == "tiny-llama-rope3";
    const int64_t length = eleven ? 135'392 : 395'424;
    const int64_t split = c["p"];
    std::vector<int64_t> starts = {0};
    json coefficients = json::array({split > 0 ? c["before"] : c["from"]});
    if (split > 0 && split < length && c["before"] != c["from"]) {
      starts.push_back(split);
      coefficients.push_back(c["from"]);
    }
    std::vector<std::string> seeds = {"rope3", "rope3-b"};
    if (!eleven) seeds = c["parents"];
    ExpectBits(RecipeText(starts, coefficients, seeds), c);
  }
}

TEST_F(MergeTest, ARecipeAloneTakesItsSeedsFromTheCommandLine) {
  const std::string recipe =
      R"({"format": "merganser-recipe/1", "seeds": 2, "chromosomes":
          [{"starts": [0], "coefficients": [[0.5, 0.5]]}]})";
  EXPECT_THAT(std::string(MergeText(recipe).status().message()),
              HasSubstr("seed 0: its path is not known; give --seed 0=PATH"));
  const auto result = MergeText(
      recipe, {.seeds = {"0=tiny-llama-a", "1=" + Data("tiny-llama-b")}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->parameters, 395'424);
}

TEST_F(MergeTest, ASeedMustBeTheOneOfTheRecipe) {
  json recipe = json::parse(RecipeText({0}, {{0.5, 0.5}}, {"a", "b"}));
  recipe["seeds"][1]["digest"] = std::string(64, '0');
  EXPECT_THAT(std::string(MergeText(recipe.dump()).status().message()),
              HasSubstr("tiny-llama-b: is not the seed b of the recipe"));
  EXPECT_TRUE(MergeText(recipe.dump(), {.any_seeds = true}).ok());
  // Made with hashlib; see CheckpointTest.
  recipe["seeds"][1]["digest"] =
      "f58d8476d7499e9c7336152c69a7461877a80464b6f92cfb129e4fe87142024d";
  EXPECT_TRUE(MergeText(recipe.dump()).ok());
}

TEST_F(MergeTest, ShardsAndThreadsDoNotChangeTheModel) {
  const std::string yaml = ReadJson(Data("merge_expected/slerp.json"))["yaml"];
  std::vector<std::string> vectors;
  for (const int threads : {1, 3}) {
    for (const int64_t bytes : {int64_t{1} << 40, int64_t{200'000}}) {
      const auto result =
          MergeText(yaml, {.threads = threads, .max_shard_bytes = bytes});
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->shards == 1, bytes > 1'000'000);
      vectors.push_back(VectorHex(Output()));
    }
  }
  EXPECT_THAT(vectors, testing::Each(vectors[0]));
}

TEST_F(MergeTest, TheResultHasTheCommonDTypeUnlessTold) {
  const auto yaml = [](const char* other, const char* more) {
    return absl::StrCat(
        "merge_method: linear\nmodels:\n- {model: tiny-llama-c"
        "}\n- {model: ",
        other, "}\nparameters: {weight: 1}\n", more);
  };
  EXPECT_EQ(MergeText(yaml("tiny-llama-a", ""))->dtype, DType::kF32);
  EXPECT_EQ(MergeText(yaml("tiny-llama-a", "out_dtype: float16"))->dtype,
            DType::kF16);
  EXPECT_EQ(ReadJson(Output() + "/config.json")["torch_dtype"], "float16");
  EXPECT_EQ(
      MergeText(yaml("tiny-llama-a", "dtype: float16"), {.dtype = DType::kBF16})
          ->dtype,
      DType::kBF16);
}

TEST_F(MergeTest, AnInterruptedMergeLeavesNothing) {
  folder_.Write("merge.yml",
                ReadJson(Data("merge_expected/linear.json"))["yaml"]);
  const auto result = Merge({.file = folder_.File("merge.yml"),
                             .output = Output(),
                             .models_root = Data("")},
                            [](int64_t, int64_t) { return false; });
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
  fs::remove(folder_.File("merge.yml"));
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(MergeTest, AResultThatDoesNotFitTheDTypeIsNamed) {
  const auto result = MergeText(
      "merge_method: linear\nmodels: [{model: tiny-llama-a}]\n"
      "parameters: {weight: 1e8, normalize: false}\ndtype: float16\n");
  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr("of the result is NaN or infinite in F16"));
  EXPECT_FALSE(fs::exists(Output()));
}

struct BadMerge {
  const char* yaml;
  const char* message;
};

TEST_F(MergeTest, NamesWhatIsWrong) {
  const std::vector<BadMerge> cases = {
      {"merge_method: ties\nmodels: [{model: x}]\n",
       "merge.yml:1: merge_method: ties is not supported; expected one of "
       "linear, slerp, task_arithmetic, passthrough"},
      {"models: [{model: x}]\n", "merge_method: is missing"},
      {"merge_method: linear\nmodules: {}\n",
       "merge.yml:2: a merge: modules is not supported; did you mean models?"},
      {"merge_method: linear\nchat_template: auto\n",
       "chat_template is not supported; expected one of merge_method, models"},
      {"merge_method: linear\n", "expected either models or slices"},
      {"merge_method: linear\nmodels: []\n", "models: expected a list"},
      {"merge_method: linear\nmodels: [{mdoel: x}]\n",
       "mdoel is not supported; did you mean model?"},
      {"merge_method: linear\nmodels: [{model: [x]}]\n",
       "model: expected a text"},
      {"merge_method: linear\nmodels:\n- model: tiny-llama-a\n  parameters: "
       "{density: 1}\n",
       "merge.yml:4: parameters of linear: density is not supported; expected "
       "one of weight, normalize"},
      {"merge_method: linear\nmodels: [{model: tiny-llama-a}]\n",
       "weight: is missing for model.embed_tokens.weight of tiny-llama-a"},
      {"merge_method: linear\nmodels: [{model: tiny-llama-a}]\n"
       "parameters: {weight: heavy}\n",
       "merge.yml:3: weight: expected a number, a list of numbers"},
      {"merge_method: linear\nmodels: [{model: tiny-llama-a}]\n"
       "parameters: {weight: [{filter: mlp, values: 1}]}\n",
       "weight: expected a map of filter and value"},
      {"merge_method: linear\nmodels: [{model: tiny-llama-a}]\n"
       "parameters: {weight: 1, normalize: 2}\n",
       "normalize: expected true or false"},
      {"merge_method: linear\nmodels: [{model: tiny-llama-a}]\n"
       "parameters: {weight: 0}\n",
       "the weights of model.embed_tokens.weight add up to 0"},
      {"merge_method: linear\nmodels: [{model: tiny-llama-a}, {model: "
       "tiny-llama-a}]\n",
       "tiny-llama-a is there twice"},
      {"merge_method: linear\nmodels: [{model: tiny-llama-a}, {model: "
       "tiny-llama-rope3}]\nparameters: {weight: 1}\n",
       "tiny-llama-rope3 has 11 layers, tiny-llama-a 3"},
      {"merge_method: linear\nmodels: [{model: tiny-qwen2}, {model: "
       "tiny-llama-a}]\nparameters: {weight: 1}\n",
       "tiny-llama-a is a LlamaForCausalLM, tiny-qwen2 a Qwen2ForCausalLM"},
      {"merge_method: linear\nslices: [{sources: [{model: tiny-llama-a, "
       "layer_range: [0, 2]}, {model: tiny-llama-rope3, layer_range: [0, "
       "2]}]}]\nparameters: {weight: 1}\n",
       "tiny-llama-rope3: model.embed_tokens.weight has shape [520, 32], that "
       "of tiny-llama-a [520, 96]; rows of the vocabulary are never added"},
      {"merge_method: passthrough\nslices: [{sources: [{model: tiny-llama-a, "
       "layer_range: [0, 4]}]}]\n",
       "tiny-llama-a has 3 layers; expected an end of at most that, not 4"},
      {"merge_method: passthrough\nslices: [{sources: [{model: tiny-llama-a, "
       "layer_range: [2, 2]}]}]\n",
       "layer_range: expected [first, end]"},
      {"merge_method: passthrough\nmodels: [{model: tiny-llama-a}, {model: "
       "tiny-llama-b}]\n",
       "passthrough takes 1 model; there are 2"},
      {"merge_method: slerp\nmodels: [{model: tiny-llama-a}, {model: "
       "tiny-llama-b}]\nparameters: {t: 0.5}\n",
       "slerp needs a base_model"},
      {"merge_method: slerp\nbase_model: tiny-llama-c\nmodels: [{model: "
       "tiny-llama-a}, {model: tiny-llama-b}]\nparameters: {t: 0.5}\n",
       "slerp takes 2 models; there are 3"},
      {"merge_method: slerp\nbase_model: tiny-llama-a\nmodels: [{model: "
       "tiny-llama-a}, {model: tiny-llama-b}]\n",
       "t: is missing for model.embed_tokens.weight"},
      {"merge_method: linear\nmodels: [{model: org/model}]\nparameters: "
       "{weight: 1}\n",
       "merge.yml:2: model: org/model: is no folder, and org/model@main is not "
       "in the Hugging Face cache"},
      {"merge_method: linear\nmodels: [{model: tiny-qwen2}, {model: "
       "tiny-llama-rope3}]\nparameters: {weight: 1}\n",
       "tiny-llama-rope3 is a LlamaForCausalLM, tiny-qwen2 a Qwen2ForCausalLM"},
      {"merge_method: linear\nmodels: [{model: tiny-llama-a}]\ndtype: int8\n",
       "dtype: int8 is not supported; expected one of float32"},
      {"merge_method: linear\nmodels: [{model: tiny-llama-a}]\n"
       "tokenizer_source: union\n",
       "tokenizer_source: union is not supported; expected base"},
      {"merge_method: [", "is not valid YAML"},
      {"{\"format\": \"merganser-winner/1\", \"seeds\": []}",
       "merge.yml: recipe: is missing"},
      {"{\"format\": \"x\"}", "merge.yml: recipe: expected a JSON object"}};
  for (const BadMerge& c : cases) {
    const absl::Status status = MergeText(c.yaml).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.yaml;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
    EXPECT_FALSE(fs::exists(Output())) << c.yaml;
  }
}

TEST_F(MergeTest, AModelMayBeOneOfTheHuggingFaceCache) {
  const std::string repository = folder_.File("hub/models--org--model");
  fs::create_directories(repository + "/snapshots");
  fs::copy(Data("tiny-llama-a"), repository + "/snapshots/abc");
  setenv("HF_HUB_CACHE", folder_.File("hub").c_str(), 1);
  const auto merged = MergeText(
      "merge_method: linear\nmodels: [{model: org/model@abc}, {model: "
      "tiny-llama-b}]\nparameters: {weight: 1}\n");
  unsetenv("HF_HUB_CACHE");
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_TRUE(Checkpoint::Open(Output()).ok());
}

TEST_F(MergeTest, SeedsThatDoNotFitARecipeAreNamed) {
  const auto message = [this](const std::string& recipe) {
    return std::string(MergeText(recipe).status().message());
  };
  EXPECT_THAT(message(RecipeText({0}, {{0.5, 0.5}}, {"a", "rope3"})),
              HasSubstr("tiny-llama-rope3: model.embed_tokens.weight has shape "
                        "[520, 32]"));
  EXPECT_THAT(
      message(RecipeText({0, 1 << 30}, {{0.5, 0.5}, {1, 0}}, {"a", "b"})),
      HasSubstr("starts"));
  EXPECT_THAT(
      std::string(MergeText(RecipeText({0}, {{1}}, {"a"}), {.seeds = {"b=x"}})
                      .status()
                      .message()),
      HasSubstr("--seed b=x: expected NAME=PATH, the name one of a"));
}

}  // namespace
}  // namespace merganser
