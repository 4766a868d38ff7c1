// Gram sums of real models' differences, against numpy's float64 in
// merge_expected/m2n2.json (see tests/data/llm/README.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/checkpoint/checkpoint.h"
#include "common/checkpoint/language_model_config.h"
#include "common/genome/crossover.h"
#include "common/genome/gram.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

using nlohmann::json;

std::string Reference(const std::string& name) {
  return std::string(MERGANSER_SOURCE_DIR) + "/tests/data/llm/" + name;
}

// <x - base, y - base> from the products of the whole weights.
double FromBase(double xy, double x_base, double y_base, double base_base) {
  return xy - x_base - y_base + base_base;
}

TEST(DifferenceGramTest, AgreesWithTheProductsOfTheWholeModels) {
  ThreadTeam team(2);
  std::vector<SeedWeights> weights;
  GenomeLayout layout;
  for (const char* name : {"tiny-llama-a", "tiny-llama-b", "tiny-llama-c"}) {
    const auto checkpoint = Checkpoint::Open(Reference(name));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    layout = SingleChromosome(LanguageModelLayout((*checkpoint)->config()));
    auto seed = SeedWeights::Create(*checkpoint, layout.parameters, team);
    ASSERT_TRUE(seed.ok()) << seed.status();
    weights.push_back(*std::move(seed));
  }
  const std::vector<const SeedWeights*> seeds = {&weights[0], &weights[1]};
  const GramSums gram = GramSums::Create(layout, seeds, &weights[2], team);

  const json root =
      json::parse(*ReadFile(Reference("merge_expected/m2n2.json")));
  const auto product = [&root](const char* pair) {
    return root["gram"][pair]["whole"].get<double>();
  };
  const double cc = product("cc");
  const double aa = FromBase(product("aa"), product("ac"), product("ac"), cc);
  const double ab = FromBase(product("ab"), product("ac"), product("bc"), cc);
  const double bb = FromBase(product("bb"), product("bc"), product("bc"), cc);
  const LinearRecipe a = SeedRecipe(0, 3, 1);
  const LinearRecipe b = SeedRecipe(1, 3, 1);
  // Each difference is rounded to float32, 6e-8 of it at most.
  EXPECT_NEAR(gram.InnerProduct(0, a, a), aa, 1e-7 * aa);
  EXPECT_NEAR(gram.InnerProduct(0, a, b), ab, 1e-7 * aa);
  EXPECT_NEAR(gram.InnerProduct(0, b, b), bb, 1e-7 * bb);

  // Its split grid begins anew at each of the three layers and behind them.
  std::vector<int64_t> starts;
  for (const json& tensor : root["order"]) {
    const std::string name = tensor["name"];
    if (name == "model.embed_tokens.weight" || name == "model.norm.weight" ||
        name.ends_with(".input_layernorm.weight")) {
      starts.push_back(tensor["offset"]);
    }
  }
  ASSERT_EQ(starts.size(), 5u);
  EXPECT_EQ(layout.chromosomes[0].group_starts, starts);
  starts.erase(starts.begin());
  EXPECT_EQ(layout.chromosomes[0].restarts, starts);
}

}  // namespace
}  // namespace merganser
