#include "common/genome/materialise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "common/genome/test_seeds.h"

namespace merganser {
namespace {

using testing::HasSubstr;

// Several items for the threads, tensors of odd sizes, two chromosomes of which
// the second one lies between the parts of the first.
GenomeLayout Layout() {
  const std::vector<TensorGroup> groups = {{"x", {0, 3, 1}}, {"y", {2}}};
  return GroupTensors(VectorsOf({50'001, 3, 70'000, 30'000}), groups).value();
}

std::vector<float> MadeNaively(const LinearRecipe& recipe,
                               const GenomeLayout& layout,
                               const std::vector<std::vector<float>>& seeds) {
  std::vector<float> made;
  for (size_t t = 0; t < layout.places.size(); ++t) {
    const TensorSlice& slice = layout.parameters.tensors[t];
    for (int64_t i = 0; i < slice.elements; ++i) {
      const auto coefficients = CoefficientsAt(
          recipe, layout.places[t].chromosome, layout.places[t].offset + i);
      float sum = 0;
      for (size_t k = 0; k < seeds.size(); ++k) {
        const auto coefficient = static_cast<float>(coefficients[k]);
        if (coefficient == 0) continue;
        sum = std::fma(coefficient, seeds[k][slice.offset + i], sum);
      }
      made.push_back(sum);
    }
  }
  return made;
}

TEST(MaterialiserTest, MakesEverySegmentToTheBitForAnyNumberOfThreads) {
  std::mt19937 random(31);
  const GenomeLayout layout = Layout();
  std::vector<std::vector<float>> values;
  std::vector<SeedWeights> seeds;
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    const auto numbers = RandomValues(layout.parameters.length, random);
    values.push_back(Decode(Encode(numbers, dtype), dtype));
    seeds.push_back(MakeSeed(layout.parameters, numbers, dtype).value());
  }
  for (const int threads : {1, 3}) {
    ThreadTeam team(threads);
    Materialiser materialiser(team);
    for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
      const LinearRecipe recipe =
          RandomRecipe(3, layout.chromosomes, 40, random);
      std::vector<uint8_t> out(layout.parameters.length * DTypeBytes(dtype));
      ASSERT_EQ(materialiser.Run(recipe, layout, Pointers(seeds), dtype, out),
                absl::OkStatus());
      EXPECT_EQ(out, Encode(MadeNaively(recipe, layout, values), dtype));
    }
  }
}

TEST(MaterialiserTest, MakesAVectorLargerThanTheCaches) {
  std::mt19937 random(32);
  const GenomeLayout layout =
      SingleChromosome(VectorsOf({3'000'001, 6'000'000}));
  const auto values = RandomValues(layout.parameters.length, random);
  std::vector<SeedWeights> seeds;
  seeds.push_back(MakeSeed(layout.parameters, values, DType::kF32).value());
  const LinearRecipe recipe{.seeds = 1,
                            .chromosomes = {{{0, 1380}, {0.7, -0.3}}}};
  ThreadTeam team(2);
  std::vector<uint8_t> out(layout.parameters.length * 4);
  ASSERT_TRUE(Materialiser(team)
                  .Run(recipe, layout, Pointers(seeds), DType::kF32, out)
                  .ok());
  std::vector<float> expected(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    expected[i] = (i < 1380 ? 0.7f : -0.3f) * values[i];
  }
  EXPECT_EQ(Decode(out, DType::kF32), expected);
}

TEST(MaterialiserTest, ASeedComesBackAsItIs) {
  std::mt19937 random(33);
  const GenomeLayout layout = SingleChromosome(VectorsOf({500}));
  std::vector<SeedWeights> seeds;
  for (int k = 0; k < 2; ++k) {
    seeds.push_back(
        MakeSeed(layout.parameters, RandomValues(500, random), DType::kBF16)
            .value());
  }
  ThreadTeam team(1);
  std::vector<uint8_t> out(1000);
  ASSERT_TRUE(
      Materialiser(team)
          .Run(SeedRecipe(1, 2, 1), layout, Pointers(seeds), DType::kBF16, out)
          .ok());
  const std::span<const uint8_t> stored = seeds[1].tensors()[0].bytes;
  EXPECT_EQ(out, std::vector<uint8_t>(stored.begin(), stored.end()));
}

TEST(MaterialiserTest, RefusesWhatDoesNotFit) {
  const GenomeLayout layout = SingleChromosome(VectorsOf({5}));
  std::vector<SeedWeights> seeds;
  seeds.push_back(
      MakeSeed(layout.parameters, {1, 2, 3, 4, 5}, DType::kF32).value());
  ThreadTeam team(1);
  Materialiser materialiser(team);
  std::vector<uint8_t> out(20);
  const auto error = [&](const LinearRecipe& recipe, size_t bytes) {
    const absl::Status status =
        materialiser.Run(recipe, layout, Pointers(seeds), DType::kF32,
                         std::span(out).first(bytes));
    return std::string(status.message());
  };
  EXPECT_EQ(error(SeedRecipe(0, 1, 1), 20), "");
  EXPECT_THAT(error(SeedRecipe(0, 1, 1), 16),
              HasSubstr("number of output bytes is 16; expected 20"));
  EXPECT_THAT(error(SeedRecipe(0, 2, 1), 20),
              HasSubstr("number of seeds is 1; expected 2"));
  EXPECT_THAT(
      error(SeedRecipe(0, 1, 2), 20),
      HasSubstr("number of chromosomes in the recipe is 2; expected 1"));
}

// The embedding of a model may have more rows than are merged.
TEST(MaterialiserTest, TensorsGoToTheirPlacesAndTheRestStays) {
  std::mt19937 random(7);
  const GenomeLayout layout = SingleChromosome(VectorsOf({5, 70'000, 3}));
  const ParameterLayout placement = VectorsOf({8, 70'000, 4});
  std::vector<SeedWeights> seeds;
  for (int k = 0; k < 2; ++k) {
    const auto numbers = RandomValues(layout.parameters.length, random);
    seeds.push_back(MakeSeed(layout.parameters, numbers, DType::kF32).value());
  }
  const LinearRecipe recipe = RandomRecipe(2, layout.chromosomes, 9, random);
  ThreadTeam team(2);
  Materialiser materialiser(team);
  std::vector<uint8_t> plain(layout.parameters.length * 4);
  ASSERT_EQ(
      materialiser.Run(recipe, layout, Pointers(seeds), DType::kF32, plain),
      absl::OkStatus());
  std::vector<uint8_t> placed(placement.length * 4, 0xee);
  ASSERT_EQ(materialiser.RunInto(placement, recipe, layout, Pointers(seeds),
                                 {DType::kF32}, placed),
            absl::OkStatus());
  std::vector<uint8_t> expected(placed.size(), 0xee);
  for (size_t t = 0; t < layout.parameters.tensors.size(); ++t) {
    const TensorSlice& from = layout.parameters.tensors[t];
    std::copy_n(plain.begin() + from.offset * 4, from.elements * 4,
                expected.begin() + placement.tensors[t].offset * 4);
  }
  EXPECT_EQ(placed, expected);
  const ParameterLayout small = VectorsOf({4, 70'000, 4});
  EXPECT_THAT(
      std::string(materialiser
                      .RunInto(small, recipe, layout, Pointers(seeds),
                               {DType::kF32},
                               std::span(placed).first(small.length * 4))
                      .message()),
      HasSubstr("has 5 elements; its place 4"));
}

}  // namespace
}  // namespace merganser
