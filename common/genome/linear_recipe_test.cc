#include "common/genome/linear_recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/genome/test_seeds.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

const ChromosomeRecipe kTwoSegments{.starts = {0, 4},
                                    .coefficients = {1, 0, 0.5, 0.25}};

LinearRecipe OneChromosome(ChromosomeRecipe chromosome) {
  return {.seeds = 2, .chromosomes = {std::move(chromosome)}};
}

TEST(SeedRecipeTest, IsTheSeedItself) {
  const LinearRecipe recipe = SeedRecipe(1, 3, 2);
  EXPECT_EQ(recipe.seeds, 3);
  ASSERT_EQ(recipe.chromosomes.size(), 2u);
  EXPECT_THAT(recipe.chromosomes[1].starts, ElementsAre(0));
  EXPECT_THAT(recipe.chromosomes[1].coefficients, ElementsAre(0, 1, 0));
}

TEST(CrossTest, TakesTheUnionOfTheBoundariesAndTheSplit) {
  const ChromosomeRecipe b{.starts = {0, 7}, .coefficients = {0, 1, 0, 2}};
  const ChromosomeCrossover crossover{
      .split = 5, .length = 10, .before = {0.5, 0.25}, .after = {2, 4}};
  const LinearRecipe child =
      Cross(OneChromosome(kTwoSegments), OneChromosome(b), {&crossover, 1});
  EXPECT_THAT(child.chromosomes[0].starts, ElementsAre(0, 4, 5, 7));
  EXPECT_THAT(child.chromosomes[0].coefficients,
              ElementsAre(0.5, 0.25, 0.25, 0.375, 1, 4.5, 1, 8.5));
}

TEST(CrossTest, ASplitAtEitherEndLeavesOneSide) {
  const LinearRecipe a = SeedRecipe(0, 2, 1);
  const LinearRecipe b = SeedRecipe(1, 2, 1);
  ChromosomeCrossover crossover{
      .split = 0, .length = 10, .before = {0.1, 0.2}, .after = {0.3, 0.4}};
  const LinearRecipe after = Cross(a, b, {&crossover, 1});
  EXPECT_THAT(after.chromosomes[0].starts, ElementsAre(0));
  EXPECT_THAT(after.chromosomes[0].coefficients, ElementsAre(0.3, 0.4));
  crossover.split = 10;
  const LinearRecipe before = Cross(a, b, {&crossover, 1});
  EXPECT_THAT(before.chromosomes[0].starts, ElementsAre(0));
  EXPECT_THAT(before.chromosomes[0].coefficients, ElementsAre(0.1, 0.2));
}

TEST(CrossTest, ASplitOnABoundaryAddsNoSegment) {
  const ChromosomeCrossover crossover{
      .split = 4, .length = 10, .before = {1, 0}, .after = {0, 1}};
  const LinearRecipe child =
      Cross(OneChromosome(kTwoSegments), SeedRecipe(0, 2, 1), {&crossover, 1});
  EXPECT_THAT(child.chromosomes[0].starts, ElementsAre(0));  // equal: merged
  EXPECT_THAT(child.chromosomes[0].coefficients, ElementsAre(1, 0));
}

// Against the definition, element by element.
TEST(CrossTest, IsTheCombinationOfTheParentsAtEveryElement) {
  std::mt19937 random(20240601);
  const std::vector<TensorGroup> groups = {{"x", {0}}, {"y", {1}}};
  const GenomeLayout layout = GroupTensors(VectorsOf({40, 7}), groups).value();
  std::uniform_real_distribution<double> uniform(-1, 2);
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    const LinearRecipe a = RandomRecipe(3, layout.chromosomes, 6, random);
    const LinearRecipe b = RandomRecipe(3, layout.chromosomes, 6, random);
    std::vector<ChromosomeCrossover> crossovers;
    for (const ChromosomeLayout& chromosome : layout.chromosomes) {
      crossovers.push_back(
          {static_cast<int64_t>(random() % (chromosome.length + 1)),
           chromosome.length,
           {uniform(random), random() % 3 == 0 ? 0.0 : uniform(random)},
           {random() % 3 == 0 ? 0.0 : uniform(random), uniform(random)}});
    }
    const LinearRecipe child = Cross(a, b, crossovers);
    EXPECT_EQ(Validate(child, 3, layout.chromosomes), absl::OkStatus());
    for (int c = 0; c < 2; ++c) {
      for (int64_t i = 0; i < layout.chromosomes[c].length; ++i) {
        const SlerpCoefficients& side = i < crossovers[c].split
                                            ? crossovers[c].before
                                            : crossovers[c].after;
        const auto of_a = CoefficientsAt(a, c, i);
        const auto of_b = CoefficientsAt(b, c, i);
        const auto of_child = CoefficientsAt(child, c, i);
        for (int k = 0; k < 3; ++k) {
          ASSERT_EQ(of_child[k], side.a * of_a[k] + side.b * of_b[k]);
        }
      }
    }
  }
}

struct BadRecipe {
  const char* name;
  LinearRecipe recipe;
  const char* error;
};

void PrintTo(const BadRecipe& bad, std::ostream* stream) {
  *stream << bad.name;
}

class BadRecipeTest : public testing::TestWithParam<BadRecipe> {};

// Two seeds; one chromosome of 10 elements in blocks of 2.
const ChromosomeLayout kLayout = {
    {.length = 10, .block = 2, .blocks = 5, .restarts = {}}, "all", {0}, {0}};

TEST_P(BadRecipeTest, IsRefusedNamingTheField) {
  const absl::Status status = Validate(GetParam().recipe, 2, {&kLayout, 1});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), GetParam().error);
}

const double kInfinity = std::numeric_limits<double>::infinity();

INSTANTIATE_TEST_SUITE_P(
    Recipes, BadRecipeTest,
    testing::Values(
        BadRecipe{"Seeds", SeedRecipe(0, 3, 1), "seeds: is 3; expected 2"},
        BadRecipe{"Chromosomes", SeedRecipe(0, 2, 2),
                  "chromosomes: has 2; expected 1"},
        BadRecipe{"NoSegment", OneChromosome({}),
                  "chromosomes[0].starts: expected a first segment that starts "
                  "at 0"},
        BadRecipe{"FirstStart", OneChromosome({{2}, {1, 0}}),
                  "chromosomes[0].starts: expected a first segment that starts "
                  "at 0"},
        BadRecipe{"NotAscending",
                  OneChromosome({{0, 4, 4}, {1, 0, 0, 1, 1, 1}}),
                  "chromosomes[0].starts[2]: is 4; expected the start of a "
                  "block of 2 elements, after 4 and below 10"},
        BadRecipe{"BeyondTheEnd", OneChromosome({{0, 10}, {1, 0, 0, 1}}),
                  "chromosomes[0].starts[1]: is 10; expected the start of a "
                  "block of 2 elements, after 0 and below 10"},
        BadRecipe{"OffTheGrid", OneChromosome({{0, 3}, {1, 0, 0, 1}}),
                  "chromosomes[0].starts[1]: is 3; expected the start of a "
                  "block of 2 elements, after 0 and below 10"},
        BadRecipe{"TooFewCoefficients", OneChromosome({{0, 4}, {1, 0, 0}}),
                  "chromosomes[0].coefficients: has 3 numbers; expected 2 "
                  "segments of 2"},
        BadRecipe{"Infinite", OneChromosome({{0, 4}, {1, 0, 0, kInfinity}}),
                  "chromosomes[0].coefficients[1]: is inf for seed 1; expected "
                  "a finite float"},
        BadRecipe{
            "BeyondFloat", OneChromosome({{0}, {1e39, 0}}),
            "chromosomes[0].coefficients[0]: is 1e+39 for seed 0; expected "
            "a finite float"},
        BadRecipe{"NotCanonical", OneChromosome({{0, 4}, {1, 0, 1, 0}}),
                  "chromosomes[0].coefficients[1]: repeats the segment before "
                  "it; expected one segment"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ValidateTest, TakesWhatFits) {
  EXPECT_EQ(Validate(OneChromosome(kTwoSegments), 2, {&kLayout, 1}),
            absl::OkStatus());
  EXPECT_EQ(Validate(OneChromosome({{0, 8}, {1, 0, -2, 1}}), 2, {&kLayout, 1}),
            absl::OkStatus());
}

std::string Bytes64(uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(value >> (8 * i) & 0xff);
  return bytes;
}

// Expected bytes: written out by hand from the definition.
TEST(GenomeDigestTest, IsTheDocumentedSequenceOfBytes) {
  const std::vector<Digest> seeds = {Sha256("x"), Sha256("y")};
  const std::string expected =
      Bytes64(25) + "merganser/genome/linear/1" + Bytes64(2) +
      seeds[0].ToBytes() + seeds[1].ToBytes() + Bytes64(2) + Bytes64(1) +
      Bytes64(2) + Bytes64(0) + Bytes64(4) + Bytes64(0x3ff0000000000000) +
      Bytes64(0) + Bytes64(0x3fe0000000000000) + Bytes64(0x3fd0000000000000);
  EXPECT_EQ(GenomeDigest(OneChromosome(kTwoSegments), seeds), Sha256(expected));
}

TEST(GenomeDigestTest, DependsOnEveryPart) {
  const std::vector<Digest> seeds = {Sha256("x"), Sha256("y")};
  const std::vector<Digest> swapped = {Sha256("y"), Sha256("x")};
  LinearRecipe recipe = OneChromosome(kTwoSegments);
  const Digest digest = GenomeDigest(recipe, seeds);
  EXPECT_NE(GenomeDigest(recipe, swapped), digest);
  recipe.chromosomes[0].coefficients[3] = std::nextafter(0.25, 1);
  EXPECT_NE(GenomeDigest(recipe, seeds), digest);
  recipe = OneChromosome(kTwoSegments);
  recipe.chromosomes[0].starts[1] = 6;
  EXPECT_NE(GenomeDigest(recipe, seeds), digest);
}

}  // namespace
}  // namespace merganser
