// Children of differences from a base, and noise on coefficients.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "common/genome/crossover.h"
#include "common/genome/linear_recipe.h"
#include "common/genome/materialise.h"
#include "common/genome/test_seeds.h"

namespace merganser {
namespace {

using testing::ElementsAre;

// Three layer groups in two chromosomes; the first in blocks of 2 elements.
GenomeLayout Layout() {
  ParameterLayout parameters;
  EXPECT_TRUE(AppendTensor("embed.weight", {11}, parameters).ok());
  EXPECT_TRUE(AppendTensor("layers.0.weight", {50'001}, parameters).ok());
  EXPECT_TRUE(AppendTensor("layers.0.bias", {9}, parameters).ok());
  EXPECT_TRUE(AppendTensor("layers.1.weight", {40'000}, parameters).ok());
  const std::vector<TensorGroup> groups = {{"weights", {0, 1, 3}},
                                           {"biases", {2}}};
  return GroupTensors(parameters, groups).value();
}

// A recipe over `seeds` and a base, as breeding gives them.
LinearRecipe RandomMember(int seeds, const GenomeLayout& layout,
                          std::mt19937& random) {
  LinearRecipe recipe = RandomRecipe(seeds + 1, layout.chromosomes, 6, random);
  for (ChromosomeRecipe& chromosome : recipe.chromosomes) {
    for (size_t s = 0; s < chromosome.starts.size(); ++s) {
      SetBaseCoefficient(std::span(chromosome.coefficients)
                             .subspan(s * (seeds + 1), seeds + 1));
    }
  }
  return recipe;
}

TEST(SetBaseCoefficientTest, AddsTheOthersInTheirOrder) {
  std::vector<double> coefficients = {1, 0x1p-53, 0x1p-53, 7};
  SetBaseCoefficient(coefficients);
  EXPECT_EQ(coefficients.back(), 0);  // 1 + 2^-53 is 1, twice
  coefficients = {0x1p-53, 0x1p-53, 1, 7};
  SetBaseCoefficient(coefficients);
  EXPECT_EQ(coefficients.back(), -0x1p-52);
  coefficients = {1, 7};
  SetBaseCoefficient(coefficients);
  EXPECT_FALSE(std::signbit(coefficients.back()));
}

// The child's weights by the definition, base + a (A - base) + b (B - base),
// in long double.
TEST(CrossTest, FromABaseMakesTheChildOfTheDifferences) {
  const GenomeLayout layout = Layout();
  std::mt19937 random(21);
  const int64_t length = layout.parameters.length;
  std::vector<std::vector<float>> seeds;
  for (int k = 0; k < 4; ++k) seeds.push_back(RandomValues(length, random));
  const auto weight = [&](const LinearRecipe& recipe, int chromosome,
                          int64_t element, int64_t position) {
    const auto c = CoefficientsAt(recipe, chromosome, element);
    long double sum = 0;
    for (int k = 0; k < 4; ++k) {
      sum += static_cast<long double>(c[k]) * seeds[k][position];
    }
    return sum;
  };
  for (int round = 0; round < 4; ++round) {
    const LinearRecipe a = RandomMember(3, layout, random);
    const LinearRecipe b = RandomMember(3, layout, random);
    const std::vector<ChromosomeCrossover> crossovers = {
        {layout.chromosomes[0].StartOf(20'000 + round),
         layout.chromosomes[0].length,
         {0.7, 0.9},
         {0.2, 1.1}},
        {4, 9, {0.25, 0.5}, {1.5, -0.5}}};
    const LinearRecipe child = Cross(a, b, crossovers, Origin::kBase);
    ASSERT_EQ(Validate(child, 4, layout.chromosomes), absl::OkStatus());
    for (size_t t = 0; t < layout.places.size(); ++t) {
      const auto& [c, offset] = layout.places[t];
      const TensorSlice& tensor = layout.parameters.tensors[t];
      for (int64_t i = 0; i < tensor.elements; i += 7) {
        const int64_t position = tensor.offset + i;
        const long double base = seeds[3][position];
        const SlerpCoefficients& side = offset + i < crossovers[c].split
                                            ? crossovers[c].before
                                            : crossovers[c].after;
        const long double expected =
            base + side.a * (weight(a, c, offset + i, position) - base) +
            side.b * (weight(b, c, offset + i, position) - base);
        ASSERT_NEAR(static_cast<double>(weight(child, c, offset + i, position)),
                    static_cast<double>(expected), 1e-14);
      }
    }
  }
}

TEST(CrossTest, ASeedCrossedWithItselfFromABaseStaysItself) {
  const LinearRecipe seed = SeedRecipe(1, 3, 1);
  const ChromosomeCrossover crossover{40, 100, {1, 0}, {0, 1}};
  EXPECT_EQ(Cross(seed, seed, {&crossover, 1}, Origin::kBase), seed);
}

// By docs/formats.md, one coefficient at a time.
double NoiseOn(uint64_t campaign_seed, uint64_t n, uint32_t chromosome,
               uint32_t group, uint32_t seed) {
  const auto words =
      Philox4x32({static_cast<uint32_t>(n), static_cast<uint32_t>(n >> 32),
                  7 + 256 * chromosome, 64 * group + seed},
                 {static_cast<uint32_t>(campaign_seed),
                  static_cast<uint32_t>(campaign_seed >> 32)});
  return StandardNormal(words[0]);
}

class MutateTest : public testing::TestWithParam<Origin> {};

TEST_P(MutateTest, AddsOneNumberToEachSeedInEachLayer) {
  const GenomeLayout layout = Layout();
  std::mt19937 random(22);
  const bool from_base = GetParam() == Origin::kBase;
  const LinearRecipe recipe =
      from_base ? RandomMember(2, layout, random)
                : RandomRecipe(3, layout.chromosomes, 6, random);
  const CoefficientMutation mutation{.campaign_seed = 0x123456789abcdef0,
                                     .sequence_number = 0x100000007,
                                     .sigma = 0.3};
  const LinearRecipe child =
      Mutate(recipe, layout.chromosomes, mutation, GetParam());
  ASSERT_EQ(Validate(child, 3, layout.chromosomes), absl::OkStatus());
  // First elements of the groups, and what is behind the last one.
  const std::vector<std::vector<int64_t>> bounds = {{0, 11, 50'012, 90'012},
                                                    {0, 9}};
  for (int c = 0; c < 2; ++c) {
    for (size_t g = 0; g + 1 < bounds[c].size(); ++g) {
      for (int64_t i = bounds[c][g]; i < bounds[c][g + 1]; ++i) {
        auto expected = CoefficientsAt(recipe, c, i);
        for (int k = 0; k < (from_base ? 2 : 3); ++k) {
          const double noise = NoiseOn(mutation.campaign_seed, 0x100000007, c,
                                       static_cast<uint32_t>(g), k);
          expected[k] += 0.3 * noise;
        }
        if (from_base) expected[2] = 1 - (expected[0] + expected[1]);
        ASSERT_EQ(CoefficientsAt(child, c, i), expected) << c << " " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Origins, MutateTest,
                         testing::Values(Origin::kZero, Origin::kBase),
                         [](const auto& test) {
                           return test.param == Origin::kBase ? "Base" : "Zero";
                         });

TEST(MutateTest, WithoutNoiseChangesNothing) {
  const GenomeLayout layout = Layout();
  std::mt19937 random(23);
  const LinearRecipe recipe = RandomRecipe(3, layout.chromosomes, 6, random);
  EXPECT_EQ(Mutate(recipe, layout.chromosomes, {.sigma = 0}, Origin::kBase),
            recipe);
}

TEST(MutateTest, CutsASegmentWhereLayersMeet) {
  const GenomeLayout layout = Layout();
  const LinearRecipe child = Mutate(
      SeedRecipe(0, 2, 2), layout.chromosomes,
      {.campaign_seed = 1, .sequence_number = 2, .sigma = 0.1}, Origin::kZero);
  EXPECT_THAT(child.chromosomes[0].starts, ElementsAre(0, 11, 50'012));
  EXPECT_THAT(child.chromosomes[1].starts, ElementsAre(0));
}

// A mutated child is made like any other, its base as one more seed.
TEST(MutateTest, TheChildIsMaterialisedFromAllSeedsAndTheBase) {
  const GenomeLayout layout = Layout();
  std::mt19937 random(24);
  std::vector<std::vector<float>> values;
  std::vector<SeedWeights> seeds;
  for (int k = 0; k < 3; ++k) {
    values.push_back(RandomValues(layout.parameters.length, random));
    seeds.push_back(
        MakeSeed(layout.parameters, values.back(), DType::kF32).value());
  }
  const LinearRecipe child = Mutate(
      RandomMember(2, layout, random), layout.chromosomes,
      {.campaign_seed = 1, .sequence_number = 2, .sigma = 0.1}, Origin::kBase);
  ThreadTeam team(2);
  std::vector<uint8_t> out(layout.parameters.length * 4);
  ASSERT_EQ(
      Materialiser(team).Run(child, layout, Pointers(seeds), DType::kF32, out),
      absl::OkStatus());
  const std::vector<float> made = Decode(out, DType::kF32);
  for (size_t t = 0; t < layout.places.size(); ++t) {
    const auto& [c, offset] = layout.places[t];
    const TensorSlice& tensor = layout.parameters.tensors[t];
    for (int64_t i = 0; i < tensor.elements; ++i) {
      const auto coefficients = CoefficientsAt(child, c, offset + i);
      float expected = 0;
      for (int k = 0; k < 3; ++k) {
        expected = std::fma(static_cast<float>(coefficients[k]),
                            values[k][tensor.offset + i], expected);
      }
      ASSERT_EQ(made[tensor.offset + i], expected);
    }
  }
}

}  // namespace
}  // namespace merganser
