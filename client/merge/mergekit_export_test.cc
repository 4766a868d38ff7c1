#include "client/merge/mergekit_export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/merge/mergekit_plan.h"
#include "common/checkpoint/checkpoint.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kModels = {"a", "org/b", "c: #"};

std::shared_ptr<const Checkpoint> OpenReference(const std::string& name) {
  return *Checkpoint::Open(std::string(MERGANSER_SOURCE_DIR) +
                           "/tests/data/llm/" + name);
}

// Every boundary is one that is asked for.
GenomeLayout WithoutGrid(const ParameterLayout& parameters) {
  GenomeLayout layout = SingleChromosome(parameters);
  layout.chromosomes[0].block = 1;
  layout.chromosomes[0].blocks = layout.chromosomes[0].length;
  return layout;
}

LinearRecipe Recipe(std::vector<int64_t> starts) {
  LinearRecipe recipe{.seeds = 3, .chromosomes = {{}}};
  for (size_t s = 0; s < starts.size(); ++s) {
    const auto value = static_cast<double>(s);
    for (const double c : {0.1 * value + 1.0 / 3, 1e-7 * (value + 1), -0.25}) {
      recipe.chromosomes[0].coefficients.push_back(c);
    }
  }
  recipe.chromosomes[0].starts = std::move(starts);
  return recipe;
}

int64_t OffsetOf(const ParameterLayout& layout, const std::string& name) {
  for (const TensorSlice& slice : layout.tensors) {
    if (slice.name == name) return slice.offset;
  }
  ADD_FAILURE() << name;
  return 0;
}

TEST(MergekitExportTest, GivesEveryWholeTensorItsCoefficients) {
  const auto seed = OpenReference("tiny-llama-rope3");
  const GenomeLayout layout = WithoutGrid(seed->layout());
  const auto at = [&](const char* name) {
    return OffsetOf(seed->layout(), name);
  };
  const LinearRecipe recipe = Recipe(
      {0, at("model.layers.0.input_layernorm.weight"),
       at("model.layers.1.mlp.up_proj.weight") + 5,
       at("model.layers.10.self_attn.k_proj.weight"), at("lm_head.weight")});
  const MergekitExport exported = MergekitConfigOf(
      recipe, layout, "LlamaForCausalLM", kModels, DType::kBF16);
  EXPECT_THAT(exported.split_tensors,
              ElementsAre("model.layers.1.mlp.up_proj.weight"));
  EXPECT_THAT(exported.unknown_tensors, IsEmpty());
  const auto file = ParseMergekitFile(exported.yaml, "x.yml");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->models, kModels);
  const std::vector<LanguageModelConfig> configs(3, seed->config());
  const MergePlan plan = *PlanOfMergekit(*file, configs);
  const MergePlan expected = *PlanOfRecipe(recipe, 3, layout);
  ASSERT_EQ(plan.tensors.size(), expected.tensors.size());
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    EXPECT_EQ(plan.tensors[i].name, expected.tensors[i].name);
    // Of the split tensor, the part behind the boundary.
    EXPECT_EQ(plan.tensors[i].segments[0].coefficients,
              expected.tensors[i].segments.back().coefficients)
        << plan.tensors[i].name;
  }
}

TEST(MergekitExportTest, OneValueNeedsNoFilter) {
  const auto seed = OpenReference("tiny-llama-a");
  const MergekitExport exported =
      MergekitConfigOf(Recipe({0}), SingleChromosome(seed->layout()),
                       "LlamaForCausalLM", kModels, DType::kF32);
  EXPECT_EQ(exported.yaml,
            "merge_method: linear\n"
            "models:\n"
            "  - model: \"a\"\n"
            "    parameters:\n"
            "      weight:\n"
            "        - value: 0.3333333333333333\n"
            "  - model: \"org/b\"\n"
            "    parameters:\n"
            "      weight:\n"
            "        - value: 1.0e-07\n"
            "  - model: \"c: #\"\n"
            "    parameters:\n"
            "      weight:\n"
            "        - value: -0.25\n"
            "parameters:\n"
            "  normalize: false\n"
            "dtype: float32\n"
            "out_dtype: float32\n");
}

TEST(MergekitExportTest, SaysWhatMergekitLeavesOut) {
  const auto biased = OpenReference("tiny-llama-tied");
  const auto exported =
      MergekitConfigOf(Recipe({0}), SingleChromosome(biased->layout()),
                       biased->config().architecture, kModels, DType::kF16);
  EXPECT_EQ(exported.unknown_tensors.size(), 14);
  const auto qwen2 = OpenReference("tiny-qwen2");
  EXPECT_THAT(
      MergekitConfigOf(Recipe({0}), SingleChromosome(qwen2->layout()),
                       qwen2->config().architecture, kModels, DType::kF16)
          .unknown_tensors,
      IsEmpty());
}

}  // namespace
}  // namespace merganser
