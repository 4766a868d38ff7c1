#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <ostream>

#include "common/genome/linear_recipe.h"

namespace merganser {
namespace {

using testing::ElementsAre;

TEST(RecipeJsonTest, IsWhatTheHeaderSays) {
  const LinearRecipe recipe{.seeds = 2,
                            .chromosomes = {{{0, 70000}, {0.5, 0.25, -1, 3}}}};
  EXPECT_EQ(
      RecipeToJson(recipe),
      R"({"format":"merganser-recipe/1","seeds":2,"chromosomes":)"
      R"([{"starts":[0,70000],"coefficients":[[0.5,0.25],[-1.0,3.0]]}]})");
}

TEST(RecipeJsonTest, TakesIntegersAsCoefficients) {
  const LinearRecipe recipe =
      RecipeFromJson(R"({"format":"merganser-recipe/1","seeds":2,"chromosomes":
                         [{"starts":[0],"coefficients":[[1, -2]]}]})")
          .value();
  EXPECT_THAT(recipe.chromosomes[0].coefficients, ElementsAre(1, -2));
}

TEST(RecipeJsonTest, NumbersComeBackAsTheSameBits) {
  uint64_t state = 7;
  LinearRecipe recipe{.seeds = 10, .chromosomes = {{{}, {}}}};
  for (int segment = 0; segment < 1000; ++segment) {
    recipe.chromosomes[0].starts.push_back(int64_t{segment} << 40);
    for (int k = 0; k < 10; ++k) {
      double value = 0;
      do {  // doubles of every size, subnormal ones among them
        state = state * 6364136223846793005u + 1442695040888963407u;
        value = std::bit_cast<double>(state ^ (state >> 29));
      } while (!std::isfinite(value));
      recipe.chromosomes[0].coefficients.push_back(k == 0 ? value * 0 : value);
    }
  }
  const LinearRecipe back = RecipeFromJson(RecipeToJson(recipe)).value();
  EXPECT_EQ(back, recipe);
  const auto& before = recipe.chromosomes[0].coefficients;
  const auto& after = back.chromosomes[0].coefficients;
  for (size_t i = 0; i < before.size(); ++i) {  // -0 == 0, but not in bits
    ASSERT_EQ(std::bit_cast<uint64_t>(after[i]),
              std::bit_cast<uint64_t>(before[i]));
  }
}

struct BadJson {
  const char* name;
  std::string text;
  const char* error;
};

void PrintTo(const BadJson& bad, std::ostream* stream) { *stream << bad.name; }

class BadRecipeJsonTest : public testing::TestWithParam<BadJson> {};

TEST_P(BadRecipeJsonTest, IsRefusedNamingTheField) {
  const absl::Status status = RecipeFromJson(GetParam().text).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), GetParam().error);
}

std::string WithChromosomes(const std::string& chromosomes) {
  return R"({"format":"merganser-recipe/1","seeds":2,"chromosomes":)" +
         chromosomes + "}";
}

const char kNoObject[] =
    "recipe: expected a JSON object of format, seeds and chromosomes";

INSTANTIATE_TEST_SUITE_P(
    Texts, BadRecipeJsonTest,
    testing::Values(
        BadJson{"Empty", "", kNoObject}, BadJson{"NoJson", "{", kNoObject},
        BadJson{"List", "[]", kNoObject},
        BadJson{"NestedDeeply", std::string(1'000'000, '['), kNoObject},
        BadJson{"UnknownKey",
                R"({"format":"merganser-recipe/1","seeds":2,"chromosomes":[],)"
                R"("more":1})",
                kNoObject},
        BadJson{"Format", R"({"format":"other","seeds":2,"chromosomes":[]})",
                "format: expected \"merganser-recipe/1\""},
        BadJson{"NoSeeds",
                R"({"format":"merganser-recipe/1","seeds":0,"chromosomes":[]})",
                "seeds: expected at least 1"},
        BadJson{
            "NegativeSeeds",
            R"({"format":"merganser-recipe/1","seeds":-1,"chromosomes":[]})",
            "seeds: expected an integer of 0 to 2^63 - 1"},
        BadJson{"ChromosomesIsANumber", WithChromosomes("1"),
                "chromosomes: expected a list"},
        BadJson{
            "NoCoefficients", WithChromosomes(R"([{"starts":[0]}])"),
            "chromosomes[0]: expected an object of starts and coefficients"},
        BadJson{
            "OneRowTooFew",
            WithChromosomes(R"([{"starts":[0,1],"coefficients":[[1,2]]}])"),
            "chromosomes[0]: expected as many coefficients as starts, in two "
            "lists"},
        BadJson{
            "FractionalStart",
            WithChromosomes(R"([{"starts":[0.5],"coefficients":[[1,2]]}])"),
            "chromosomes[0].starts[0]: expected an integer of 0 to 2^63 - 1"},
        BadJson{"ShortRow",
                WithChromosomes(R"([{"starts":[0],"coefficients":[[1]]}])"),
                "chromosomes[0].coefficients[0]: expected a list of one number "
                "per seed"},
        BadJson{"TextInARow",
                WithChromosomes(R"([{"starts":[0],"coefficients":[[1,"2"]]}])"),
                "chromosomes[0].coefficients[0]: expected numbers"},
        BadJson{
            "BeyondDouble",
            WithChromosomes(R"([{"starts":[0],"coefficients":[[1,1e999]]}])"),
            kNoObject}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace merganser
