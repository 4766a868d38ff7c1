#include "common/genome/offspring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "common/base/digest.h"
#include "common/genome/counted_allocations.h"
#include "common/genome/gram.h"
#include "common/genome/test_seeds.h"

namespace merganser {
namespace {

using testing::HasSubstr;

constexpr DType kDTypes[] = {DType::kF32, DType::kBF16, DType::kF16};

// Several items for the threads, several blocks of an inner product, tensors of
// odd sizes, two chromosomes of which the second one lies between the parts of
// the first.
GenomeLayout Layout() {
  const std::vector<TensorGroup> groups = {{"x", {0, 3, 1}}, {"y", {2}}};
  return GroupTensors(VectorsOf({50'001, 3, 70'000, 30'000}), groups).value();
}

struct Parents {
  explicit Parents(int64_t length, DType dtype) {
    std::mt19937 random(41);
    const auto numbers_a = RandomValues(length, random);
    auto numbers_b = RandomValues(length, random);
    for (int64_t i = 0; i < length; ++i) numbers_b[i] += 0.5f * numbers_a[i];
    a = Encode(numbers_a, dtype);
    b = Encode(numbers_b, dtype);
  }

  OffspringRequest Request(std::span<const int64_t> split_blocks,
                           std::span<const double> mixes,
                           const Mutation& mutation = {}) const {
    return {.parent_a = {a, {}},
            .parent_b = {b, {}},
            .crossover = true,
            .split_blocks = split_blocks,
            .mixes = mixes,
            .mutation = mutation};
  }

  std::vector<uint8_t> a;
  std::vector<uint8_t> b;
};

std::vector<ChromosomeCrossover> List(
    std::span<const ChromosomeCrossover> crossovers) {
  return {crossovers.begin(), crossovers.end()};
}

// The child that recipes over the two parents give, by GramSums in the blocks
// of an inner product, Cross() and Materialiser.
struct ByRecipe {
  ByRecipe(const GenomeLayout& layout, const Parents& parents, DType dtype,
           const CrossoverDraw& draw) {
    std::vector<SeedWeights> seeds;
    for (const auto* bytes : {&parents.a, &parents.b}) {
      seeds.push_back(
          MakeSeed(layout.parameters, Decode(*bytes, dtype), dtype).value());
    }
    ThreadTeam team(1);
    GenomeLayout coarse = layout;
    for (ChromosomeLayout& chromosome : coarse.chromosomes) {
      chromosome.block = kInnerProductBlock;
      chromosome.blocks =
          (chromosome.length + kInnerProductBlock - 1) / kInnerProductBlock;
    }
    const GramSums gram = GramSums::Create(coarse, Pointers(seeds), team);
    const auto chromosomes = static_cast<int>(layout.chromosomes.size());
    const LinearRecipe a = SeedRecipe(0, 2, chromosomes);
    const LinearRecipe b = SeedRecipe(1, 2, chromosomes);
    for (int c = 0; c < chromosomes; ++c) {
      const ChromosomeLayout& chromosome = layout.chromosomes[c];
      const double aa = gram.InnerProduct(c, a, a);
      const double bb = gram.InnerProduct(c, b, b);
      const double ab = gram.InnerProduct(c, a, b);
      squares_a.push_back(aa);
      squares_b.push_back(bb);
      crossovers.push_back(
          {std::min(draw.split_blocks[c] * chromosome.block, chromosome.length),
           chromosome.length, Slerp(aa, bb, ab, draw.mixes[c]),
           Slerp(aa, bb, ab, 1 - draw.mixes[c])});
    }
    child.resize(parents.a.size());
    EXPECT_EQ(Materialiser(team).Run(Cross(a, b, crossovers), layout,
                                     Pointers(seeds), dtype, child),
              absl::OkStatus());
  }

  std::vector<double> squares_a;
  std::vector<double> squares_b;
  std::vector<ChromosomeCrossover> crossovers;
  std::vector<uint8_t> child;
};

TEST(OffspringMakerTest, WithoutMutationMakesTheChildOfARecipeOverItsParents) {
  const GenomeLayout layout = Layout();
  const int64_t blocks_x = layout.chromosomes[0].blocks;
  const int64_t blocks_y = layout.chromosomes[1].blocks;
  const CrossoverDraw draws[] = {
      {{blocks_x / 2, blocks_y / 3}, {0.25, 0.7}},
      {{0, blocks_y}, {0.1, 0.9}},
      {{blocks_x, 0}, {1.5, -0.3}},
      {{blocks_x - 1, 1}, {0, 1e-20}},
  };
  for (const DType dtype : kDTypes) {
    const Parents parents(layout.parameters.length, dtype);
    for (const CrossoverDraw& draw : draws) {
      const ByRecipe expected(layout, parents, dtype, draw);
      for (const int threads : {1, 2, 3}) {
        ThreadTeam team(threads);
        OffspringMaker maker(team);
        std::vector<uint8_t> child(parents.a.size());
        ASSERT_EQ(
            maker.Make(layout, dtype,
                       parents.Request(draw.split_blocks, draw.mixes), child),
            absl::OkStatus());
        EXPECT_EQ(List(maker.crossovers()), expected.crossovers);
        EXPECT_THAT(maker.squares_a(),
                    testing::ElementsAreArray(expected.squares_a));
        EXPECT_THAT(maker.squares_b(),
                    testing::ElementsAreArray(expected.squares_b));
        EXPECT_EQ(child, expected.child);
      }
    }
  }
}

// Element by element, given the coefficients.
std::vector<float> MadeNaively(const GenomeLayout& layout,
                               const std::vector<float>& a,
                               const std::vector<float>& b,
                               std::span<const ChromosomeCrossover> crossovers,
                               const Mutation& mutation) {
  std::vector<float> made;
  for (size_t t = 0; t < layout.places.size(); ++t) {
    const auto& [chromosome, offset] = layout.places[t];
    const ChromosomeCrossover& crossover = crossovers[chromosome];
    for (int64_t i = 0; i < layout.parameters.tensors[t].elements; ++i) {
      const SlerpCoefficients& side =
          offset + i < crossover.split ? crossover.before : crossover.after;
      const auto element = static_cast<int64_t>(made.size());
      float sum = 0;
      sum = std::fma(static_cast<float>(side.a), a[element], sum);
      sum = std::fma(static_cast<float>(side.b), b[element], sum);
      made.push_back(std::fma(
          static_cast<float>(mutation.sigma),
          NoiseOf(mutation.key, DrawPurpose::kMutation, element), sum));
    }
  }
  return made;
}

TEST(OffspringMakerTest, AddsNoiseBeforeTheOneRoundingForAnyNumberOfThreads) {
  const GenomeLayout layout = Layout();
  const CrossoverDraw draw{{27'183, 20'001}, {0.25, 0.7}};
  const Mutation mutation{{.campaign_seed = 9, .sequence_number = 1234}, 0.02};
  for (const DType dtype : kDTypes) {
    const Parents parents(layout.parameters.length, dtype);
    const ByRecipe without(layout, parents, dtype, draw);
    const std::vector<uint8_t> expected = Encode(
        MadeNaively(layout, Decode(parents.a, dtype), Decode(parents.b, dtype),
                    without.crossovers, mutation),
        dtype);
    for (const int threads : {1, 2, 3}) {
      ThreadTeam team(threads);
      OffspringMaker maker(team);
      std::vector<uint8_t> child(parents.a.size());
      ASSERT_EQ(
          maker.Make(layout, dtype,
                     parents.Request(draw.split_blocks, draw.mixes, mutation),
                     child),
          absl::OkStatus());
      EXPECT_EQ(List(maker.crossovers()), without.crossovers);
      EXPECT_EQ(child, expected);
    }
  }
}

TEST(OffspringMakerTest, WithoutCrossoverAddsNoiseToParentA) {
  const GenomeLayout layout = Layout();
  const Parents parents(layout.parameters.length, DType::kBF16);
  const Mutation mutation{{.campaign_seed = 1, .sequence_number = 2}, 0.5};
  std::vector<float> expected = Decode(parents.a, DType::kBF16);
  AddNoise(mutation.key, 0.5f, 0, expected);
  ThreadTeam team(2);
  OffspringMaker maker(team);
  std::vector<uint8_t> child(parents.a.size());
  const OffspringRequest request{
      .parent_a = {parents.a, {}}, .crossover = false, .mutation = mutation};
  ASSERT_EQ(maker.Make(layout, DType::kBF16, request, child), absl::OkStatus());
  EXPECT_EQ(child, Encode(expected, DType::kBF16));
  EXPECT_TRUE(maker.crossovers().empty());
  EXPECT_TRUE(maker.squares_a().empty());
}

TEST(OffspringMakerTest, WithoutCrossoverAndMutationCopiesParentA) {
  const GenomeLayout layout = Layout();
  const Parents parents(layout.parameters.length, DType::kF16);
  ThreadTeam team(2);
  std::vector<uint8_t> child(parents.a.size());
  ASSERT_EQ(OffspringMaker(team).Make(
                layout, DType::kF16,
                {.parent_a = {parents.a, {}}, .crossover = false}, child),
            absl::OkStatus());
  EXPECT_EQ(child, parents.a);
}

// Five standard errors each, as in noise.h.
TEST(OffspringMakerTest, MutationHasTheVarianceThatWasAskedFor) {
  constexpr int64_t kLength = 300'001;
  constexpr double kSigma = 0.01;
  const GenomeLayout layout = SingleChromosome(VectorsOf({kLength}));
  const Parents parents(kLength, DType::kF32);
  const std::vector<float> before = Decode(parents.a, DType::kF32);
  ThreadTeam team(1);
  OffspringMaker maker(team);
  std::vector<std::vector<double>> noise;
  for (const int64_t n : {0, 1}) {
    std::vector<uint8_t> child(parents.a.size());
    const OffspringRequest request{
        .parent_a = {parents.a, {}},
        .crossover = false,
        .mutation = {{.campaign_seed = 5, .sequence_number = n}, kSigma}};
    ASSERT_EQ(maker.Make(layout, DType::kF32, request, child),
              absl::OkStatus());
    const std::vector<float> after = Decode(child, DType::kF32);
    std::vector<double>& of_child = noise.emplace_back();
    double sum = 0;
    double squares = 0;
    for (int64_t i = 0; i < kLength; ++i) {
      of_child.push_back((double{after[i]} - double{before[i]}) / kSigma);
      sum += of_child[i];
      squares += of_child[i] * of_child[i];
    }
    EXPECT_NEAR(sum / kLength, 0, 5 / std::sqrt(kLength)) << n;
    EXPECT_NEAR(squares / kLength, 1, 5 * std::sqrt(2.0 / kLength)) << n;
  }
  double product = 0;
  for (int64_t i = 0; i < kLength; ++i) product += noise[0][i] * noise[1][i];
  EXPECT_NEAR(product / kLength, 0, 5 / std::sqrt(kLength));
}

TEST(OffspringMakerTest, TakesSquaresThatItGaveBefore) {
  const GenomeLayout layout = Layout();
  const Parents parents(layout.parameters.length, DType::kF32);
  const CrossoverDraw draw{{27'183, 20'001}, {0.25, 0.7}};
  OffspringRequest request = parents.Request(draw.split_blocks, draw.mixes);
  ThreadTeam team(2);
  OffspringMaker maker(team);
  std::vector<uint8_t> child(parents.a.size());
  ASSERT_EQ(maker.Make(layout, DType::kF32, request, child), absl::OkStatus());
  const auto crossovers = List(maker.crossovers());
  std::vector<double> squares_a(maker.squares_a().begin(),
                                maker.squares_a().end());
  const std::vector<double> squares_b(maker.squares_b().begin(),
                                      maker.squares_b().end());
  for (const bool with_b : {false, true}) {
    request.parent_a.squares = squares_a;
    if (with_b) request.parent_b.squares = squares_b;
    std::vector<uint8_t> again(parents.a.size());
    ASSERT_EQ(maker.Make(layout, DType::kF32, request, again),
              absl::OkStatus());
    EXPECT_EQ(again, child);
    EXPECT_EQ(List(maker.crossovers()), crossovers);
    EXPECT_THAT(maker.squares_a(), testing::ElementsAreArray(squares_a));
    EXPECT_THAT(maker.squares_b(), testing::ElementsAreArray(squares_b));
  }
  // They are not computed again: a wrong one makes another angle.
  squares_a[0] *= 2;
  ASSERT_EQ(maker.Make(layout, DType::kF32, request, child), absl::OkStatus());
  EXPECT_NE(maker.crossovers()[0], crossovers[0]);
  EXPECT_EQ(maker.crossovers()[1], crossovers[1]);
}

TEST(OffspringMakerTest, AllocatesNothingTheSecondTime) {
  const GenomeLayout layout = Layout();
  const CrossoverDraw draw{{27'183, 20'001}, {0.25, 0.7}};
  const Mutation mutation{{.campaign_seed = 9, .sequence_number = 3}, 0.02};
  const Parents parents(layout.parameters.length, DType::kBF16);
  const OffspringRequest request =
      parents.Request(draw.split_blocks, draw.mixes, mutation);
  ThreadTeam team(1);
  OffspringMaker maker(team);
  std::vector<uint8_t> child(parents.a.size());
  ASSERT_EQ(maker.Make(layout, DType::kBF16, request, child), absl::OkStatus());
  const int64_t before = AllocationsOfThread();
  const absl::Status status = maker.Make(layout, DType::kBF16, request, child);
  EXPECT_EQ(AllocationsOfThread(), before);
  EXPECT_EQ(status, absl::OkStatus());
}

// By a Python program of its own, from docs/formats.md: exact fractions rounded
// after each operation, mpmath at 300 bits for acos and sin.
TEST(OffspringMakerTest, GivesTheBitsOfAnotherImplementation) {
  constexpr int64_t kLength = 70'001;
  const GenomeLayout layout = SingleChromosome(VectorsOf({40'000, 30'001}));
  std::vector<float> a;
  std::vector<float> b;
  for (int64_t i = 0; i < kLength; ++i) {
    a.push_back(static_cast<float>(7919 * i % 2003 - 1001) / 4096);
    b.push_back(static_cast<float>((104'729 * i + 17) % 1999 - 999) / 4096);
  }
  // The split grid has blocks of 2 elements.
  const int64_t split_block = 33'333;
  const double mix = 0.3;
  constexpr struct {
    DType dtype;
    const char* digest;
  } kRows[] = {
      {DType::kF32,
       "26ae05a2278ef9d82c0cbb1f88ae7bcbf06fa4c7af452d96472e6b0bef02e1fa"},
      {DType::kBF16,
       "148fd63ad98cdf333da66f733eb8c51d10034fa8ac7175efcb8c42420659f51d"},
  };
  for (const auto& [dtype, digest] : kRows) {
    const std::vector<uint8_t> bytes_a = Encode(a, dtype);
    const std::vector<uint8_t> bytes_b = Encode(b, dtype);
    const OffspringRequest request{
        .parent_a = {bytes_a, {}},
        .parent_b = {bytes_b, {}},
        .crossover = true,
        .split_blocks = {&split_block, 1},
        .mixes = {&mix, 1},
        .mutation = {{.campaign_seed = 42, .sequence_number = 7}, 0.01}};
    ThreadTeam team(2);
    std::vector<uint8_t> child(bytes_a.size());
    ASSERT_EQ(OffspringMaker(team).Make(layout, dtype, request, child),
              absl::OkStatus());
    EXPECT_EQ(DigestBuilder().Raw(child).Finish().ToHex(), digest);
  }
}

TEST(OffspringMakerTest, RefusesWhatDoesNotFit) {
  const GenomeLayout layout = SingleChromosome(VectorsOf({5}));
  const Parents parents(5, DType::kF32);
  const std::vector<int64_t> split_blocks = {2};
  const std::vector<double> mixes = {0.5};
  const OffspringRequest good = parents.Request(split_blocks, mixes);
  ThreadTeam team(1);
  OffspringMaker maker(team);
  std::vector<uint8_t> out(20);
  const auto error = [&](auto change) {
    OffspringRequest request = good;
    size_t bytes = 20;
    change(request, bytes);
    const absl::Status status =
        maker.Make(layout, DType::kF32, request, std::span(out).first(bytes));
    EXPECT_EQ(out, std::vector<uint8_t>(20));
    return std::string(status.message());
  };
  using Request = OffspringRequest;
  EXPECT_THAT(error([](Request&, size_t& bytes) { bytes = 16; }),
              HasSubstr("number of output bytes is 16; expected 20"));
  EXPECT_THAT(error([&](Request& r, size_t&) {
                r.parent_a.bytes = std::span(parents.a).first(10);
              }),
              HasSubstr("number of bytes of parent A is 10; expected 20"));
  EXPECT_THAT(error([](Request& r, size_t&) { r.parent_b.bytes = {}; }),
              HasSubstr("number of bytes of parent B is 0; expected 20"));
  const std::vector<double> two = {1, 2};
  EXPECT_THAT(error([&](Request& r, size_t&) { r.parent_b.squares = two; }),
              HasSubstr("number of squares of parent B is 2; expected 1"));
  EXPECT_THAT(error([](Request& r, size_t&) { r.split_blocks = {}; }),
              HasSubstr("number of split blocks is 0; expected 1"));
  EXPECT_THAT(error([&](Request& r, size_t&) { r.mixes = two; }),
              HasSubstr("number of mixes is 2; expected 1"));
  for (const int64_t split : {-1, 6}) {
    EXPECT_THAT(
        error([&](Request& r, size_t&) { r.split_blocks = {&split, 1}; }),
        HasSubstr("of chromosome 0; expected 0 to 5"));
  }
  const double infinite = INFINITY;
  EXPECT_THAT(error([&](Request& r, size_t&) { r.mixes = {&infinite, 1}; }),
              HasSubstr("mix inf of chromosome 0; expected a finite number"));
  for (const double sigma : {-0.1, std::nan(""), 1e39}) {
    EXPECT_THAT(error([&](Request& r, size_t&) { r.mutation.sigma = sigma; }),
                HasSubstr("expected a finite float of at least 0"));
  }
  EXPECT_EQ(maker.Make(layout, DType::kF32, good, out), absl::OkStatus());
}

}  // namespace
}  // namespace merganser
