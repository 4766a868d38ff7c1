#include "common/genome/gram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "common/genome/crossover.h"
#include "common/genome/test_seeds.h"

namespace merganser {
namespace {

using testing::HasSubstr;

// Three seeds of two chromosomes; the first one has blocks of 4 elements, which
// cross tensors, and ends in a block of 3.
struct Population {
  GenomeLayout layout;
  std::vector<std::vector<float>> values;  // as stored, in the layout's order
  std::vector<SeedWeights> seeds;
};

Population MakePopulation(std::initializer_list<DType> dtypes) {
  std::mt19937 random(11);
  const std::vector<TensorGroup> groups = {{"x", {3, 0, 2}}, {"y", {1}}};
  Population population{
      .layout =
          GroupTensors(VectorsOf({100'001, 50, 13, 99'989}), groups).value()};
  const ParameterLayout& parameters = population.layout.parameters;
  for (const DType dtype : dtypes) {
    const auto values = RandomValues(parameters.length, random);
    population.values.push_back(Decode(Encode(values, dtype), dtype));
    population.seeds.push_back(MakeSeed(parameters, values, dtype).value());
  }
  return population;
}

// Element by element, a seed's vector of a chromosome.
std::vector<float> ChromosomeOf(const Population& population, int chromosome,
                                int seed) {
  const GenomeLayout& layout = population.layout;
  std::vector<float> values;
  for (const int tensor : layout.chromosomes[chromosome].tensors) {
    const TensorSlice& slice = layout.parameters.tensors[tensor];
    const auto begin = population.values[seed].begin() + slice.offset;
    values.insert(values.end(), begin, begin + slice.elements);
  }
  return values;
}

GramSums Create(const Population& population, int threads) {
  ThreadTeam team(threads);
  return GramSums::Create(population.layout, Pointers(population.seeds), team);
}

TEST(GramSumsTest, HasTheSameBitsForAnyNumberOfThreads) {
  const Population population =
      MakePopulation({DType::kF32, DType::kBF16, DType::kF16});
  const GramSums one = Create(population, 1);
  EXPECT_EQ(Create(population, 2), one);
  EXPECT_EQ(Create(population, 7), one);
  EXPECT_EQ(one.MemoryBytes(), (50002 + 51) * 6 * 8);
}

// A second implementation of the order that the header prescribes.
TEST(GramSumsTest, AddsLanesAndBlocksInTheDocumentedOrder) {
  const Population population = MakePopulation({DType::kF32, DType::kF16});
  const GramSums gram = Create(population, 2);
  for (int c = 0; c < 2; ++c) {
    const GramSums::Chromosome& sums = gram.chromosomes()[c];
    const auto x = ChromosomeOf(population, c, 0);
    const auto y = ChromosomeOf(population, c, 1);
    double prefix = 0;
    for (int64_t block = 0; block < sums.blocks; ++block) {
      double lanes[8] = {};
      const int64_t begin = block * sums.block;
      const int64_t end = std::min(begin + sums.block, sums.length);
      for (int64_t i = begin; i < end; ++i) {
        lanes[(i - begin) % 8] += double{x[i]} * double{y[i]};
      }
      prefix += ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
                ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
      ASSERT_EQ(sums.prefix[(block + 1) * 3 + 1], prefix);
    }
  }
}

TEST(GramSumsTest, LongBlocksAddLanesInTheDocumentedOrder) {
  std::mt19937 random(12);
  // Two blocks of 5000 elements and one of 1, against one of 10001.
  GenomeLayout layout = SingleChromosome(VectorsOf({4001, 6000}));
  layout.chromosomes[0].block = 5000;
  layout.chromosomes[0].blocks = 3;
  const auto x = RandomValues(10001, random);
  std::vector<SeedWeights> seeds;
  seeds.push_back(MakeSeed(layout.parameters, x, DType::kF32).value());
  ThreadTeam team(3);
  const GramSums gram = GramSums::Create(layout, Pointers(seeds), team);
  double prefix = 0;
  for (int64_t block = 0; block < 3; ++block) {
    double lanes[8] = {};
    for (int64_t i = 5000 * block;
         i < std::min<int64_t>(5000 * block + 5000, 10001); ++i) {
      lanes[(i - 5000 * block) % 8] += double{x[i]} * double{x[i]};
    }
    prefix += ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
              ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    EXPECT_EQ(gram.chromosomes()[0].prefix[block + 1], prefix);
  }
}

// Against long double over the elements themselves.
TEST(GramSumsTest, InnerProductsAreThoseOfTheCombinedVectors) {
  const Population population =
      MakePopulation({DType::kF32, DType::kBF16, DType::kF16});
  const GramSums gram = Create(population, 2);
  std::mt19937 random(13);
  for (int round = 0; round < 5; ++round) {
    const auto& chromosomes = population.layout.chromosomes;
    const LinearRecipe a = RandomRecipe(3, chromosomes, 8, random);
    const LinearRecipe b = RandomRecipe(3, chromosomes, 8, random);
    for (int c = 0; c < 2; ++c) {
      std::vector<std::vector<float>> seeds;
      for (int k = 0; k < 3; ++k) {
        seeds.push_back(ChromosomeOf(population, c, k));
      }
      long double sum = 0;
      long double scale = 0;
      for (int64_t i = 0; i < chromosomes[c].length; ++i) {
        const auto of_a = CoefficientsAt(a, c, i);
        const auto of_b = CoefficientsAt(b, c, i);
        long double x = 0;
        long double y = 0;
        for (int k = 0; k < 3; ++k) {
          x += static_cast<long double>(of_a[k]) * seeds[k][i];
          y += static_cast<long double>(of_b[k]) * seeds[k][i];
        }
        sum += x * y;
        scale += std::abs(x * y);
      }
      EXPECT_NEAR(gram.InnerProduct(c, a, b), static_cast<double>(sum),
                  static_cast<double>(scale) * 1e-12);
    }
  }
}

// Two seeds and a base that is far from zero and near both of them, of a model
// whose grid begins anew at a layer. A last seed is the base.
Population MakeSpecialists(DType dtype) {
  std::mt19937 random(17);
  ParameterLayout parameters;
  EXPECT_TRUE(AppendTensor("layers.0.weight", {100'001}, parameters).ok());
  EXPECT_TRUE(AppendTensor("layers.1.weight", {50'000}, parameters).ok());
  EXPECT_TRUE(AppendTensor("layers.1.bias", {7}, parameters).ok());
  Population population{
      .layout = GroupTensors(parameters, std::vector<TensorGroup>{{"x", {0, 1}},
                                                                  {"y", {2}}})
                    .value()};
  std::vector<float> base = RandomValues(parameters.length, random);
  for (float& value : base) value += 3;
  for (int k = 0; k < 3; ++k) {
    std::vector<float> values = base;
    const auto noise = RandomValues(parameters.length, random);
    for (size_t i = 0; i < values.size() && k < 2; ++i) {
      values[i] += noise[i] / 100;
    }
    population.values.push_back(Decode(Encode(values, dtype), dtype));
    population.seeds.push_back(MakeSeed(parameters, values, dtype).value());
  }
  return population;
}

GramSums CreateFromBase(const Population& population, int threads) {
  ThreadTeam team(threads);
  const auto seeds = Pointers(population.seeds);
  return GramSums::Create(population.layout, std::span(seeds).first(2),
                          seeds[2], team);
}

TEST(GramSumsTest, OfDifferencesHaveTheSameBitsForAnyNumberOfThreads) {
  const Population population = MakeSpecialists(DType::kBF16);
  const GramSums one = CreateFromBase(population, 1);
  EXPECT_EQ(CreateFromBase(population, 2), one);
  EXPECT_EQ(CreateFromBase(population, 5), one);
  EXPECT_EQ(one.seeds(), 2);
  EXPECT_EQ(GramSums::Parse(one.Serialise()).value(), one);
}

// A second implementation of the order that the header prescribes.
TEST(GramSumsTest, OfDifferencesAddLanesAndBlocksInTheDocumentedOrder) {
  const Population population = MakeSpecialists(DType::kF32);
  const GramSums gram = CreateFromBase(population, 2);
  for (int c = 0; c < 2; ++c) {
    const ChromosomeLayout& grid = population.layout.chromosomes[c];
    const auto x = ChromosomeOf(population, c, 0);
    const auto y = ChromosomeOf(population, c, 1);
    const auto base = ChromosomeOf(population, c, 2);
    double prefix = 0;
    for (int64_t block = 0; block < grid.blocks; ++block) {
      double lanes[8] = {};
      const int64_t begin = grid.StartOf(block);
      for (int64_t i = begin; i < grid.StartOf(block + 1); ++i) {
        const float of_x = x[i] - base[i];
        const float of_y = y[i] - base[i];
        lanes[(i - begin) % 8] += double{of_x} * double{of_y};
      }
      prefix += ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
                ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
      ASSERT_EQ(gram.chromosomes()[c].prefix[(block + 1) * 3 + 1], prefix);
    }
  }
}

// Against long double over the elements themselves. From the sums of the whole
// weights, 10^5 times as large, no more than ten digits would be left.
TEST(GramSumsTest, OfDifferencesGiveInnerProductsWithoutCancellation) {
  const Population population = MakeSpecialists(DType::kF32);
  const GramSums gram = CreateFromBase(population, 1);
  std::mt19937 random(18);
  const auto& chromosomes = population.layout.chromosomes;
  for (int round = 0; round < 5; ++round) {
    const LinearRecipe a = RandomRecipe(3, chromosomes, 8, random);
    const LinearRecipe b = RandomRecipe(3, chromosomes, 8, random);
    for (int c = 0; c < 2; ++c) {
      std::vector<std::vector<float>> seeds;
      for (int k = 0; k < 3; ++k) {
        seeds.push_back(ChromosomeOf(population, c, k));
      }
      long double sum = 0;
      long double scale = 0;
      for (int64_t i = 0; i < chromosomes[c].length; ++i) {
        const auto of_a = CoefficientsAt(a, c, i);
        const auto of_b = CoefficientsAt(b, c, i);
        long double x = 0;
        long double y = 0;
        for (int k = 0; k < 2; ++k) {
          const long double difference =
              static_cast<long double>(seeds[k][i]) - seeds[2][i];
          x += of_a[k] * difference;
          y += of_b[k] * difference;
        }
        sum += x * y;
        scale += std::abs(x * y);
      }
      EXPECT_NEAR(gram.InnerProduct(c, a, b), static_cast<double>(sum),
                  static_cast<double>(scale) * 1e-11);
    }
  }
}

TEST(CrossoverCoefficientsTest, UsesAnAngleAndASplitPerChromosome) {
  const Population population = MakePopulation({DType::kF32, DType::kF32});
  const GramSums gram = Create(population, 1);
  const LinearRecipe a = SeedRecipe(0, 2, 2);
  const LinearRecipe b = SeedRecipe(1, 2, 2);
  const auto crossovers = CrossoverCoefficients(
      gram, a, b, {.split_blocks = {7, 50}, .mixes = {0.3, 0.8}});
  ASSERT_EQ(crossovers.size(), 2u);
  EXPECT_EQ(crossovers[0].split, 28);
  EXPECT_EQ(crossovers[0].length, 200'003);
  EXPECT_EQ(crossovers[1].split, 50);  // the end: no split
  for (int c = 0; c < 2; ++c) {
    const double w = c == 0 ? 0.3 : 0.8;
    const double aa = gram.InnerProduct(c, a, a);
    const double bb = gram.InnerProduct(c, b, b);
    const double ab = gram.InnerProduct(c, a, b);
    const double omega = std::acos(ab / std::sqrt(aa * bb));
    EXPECT_NEAR(crossovers[c].before.b, std::sin(w * omega) / std::sin(omega),
                1e-12);
    EXPECT_NEAR(crossovers[c].after.a, std::sin(w * omega) / std::sin(omega),
                1e-12);
  }
}

TEST(CrossoverCoefficientsTest, TheLastBlockEndsWithTheChromosome) {
  const Population population = MakePopulation({DType::kF32});
  const LinearRecipe seed = SeedRecipe(0, 1, 2);
  const auto crossovers =
      CrossoverCoefficients(Create(population, 1), seed, seed,
                            {.split_blocks = {50'001, 0}, .mixes = {0, 0}});
  EXPECT_EQ(crossovers[0].split, 200'003);
  EXPECT_EQ(crossovers[1].split, 0);
}

GramSums SmallSums() {
  std::vector<SeedWeights> seeds;
  const GenomeLayout layout = SingleChromosome(VectorsOf({3}));
  seeds.push_back(MakeSeed(layout.parameters, {1, 2, 3}, DType::kF32).value());
  seeds.push_back(MakeSeed(layout.parameters, {0, -1, 5}, DType::kF32).value());
  ThreadTeam team(1);
  return GramSums::Create(layout, Pointers(seeds), team);
}

TEST(GramBytesTest, ComeBackAsTheSameSums) {
  const Population population = MakePopulation({DType::kF32, DType::kF16});
  const GramSums gram = Create(population, 1);
  const GramSums back = GramSums::Parse(gram.Serialise()).value();
  EXPECT_EQ(back, gram);
  EXPECT_EQ(back.CheckMatches(2, population.layout.chromosomes),
            absl::OkStatus());
}

// As they were written before there were restarts: without their number.
TEST(GramBytesTest, FromBeforeThereWereRestartsAreRead) {
  std::string bytes = SmallSums().Serialise();
  bytes.resize(bytes.size() - 4);
  bytes[15] = '1';
  bytes.erase(48, 8);
  const uint32_t crc = Crc32(bytes);
  for (int i = 0; i < 4; ++i) bytes.push_back(crc >> (8 * i) & 0xff);
  EXPECT_EQ(GramSums::Parse(bytes).value(), SmallSums());
}

TEST(GramBytesTest, AreRefusedWhenAnyByteIsAnother) {
  const std::string bytes = SmallSums().Serialise();
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_FALSE(GramSums::Parse(damaged).ok()) << i;
    EXPECT_FALSE(GramSums::Parse(bytes.substr(0, i)).ok()) << i;
  }
  EXPECT_FALSE(GramSums::Parse(bytes + "x").ok());
}

// Bytes 16: seeds; 24: chromosomes; 32: length; 40: block; 48: number of
// restarts; 56: the sums.
TEST(GramBytesTest, AreRefusedWhenTheyLieUnderARightChecksum) {
  const auto error = [](size_t position, uint64_t value) {
    std::string bytes = SmallSums().Serialise();
    bytes.resize(bytes.size() - 4);
    for (int i = 0; i < 8; ++i) bytes[position + i] = value >> (8 * i) & 0xff;
    const uint32_t crc = Crc32(bytes);
    for (int i = 0; i < 4; ++i) bytes.push_back(crc >> (8 * i) & 0xff);
    return std::string(GramSums::Parse(bytes).status().message());
  };
  EXPECT_EQ(error(16, 2), "");  // what it is
  EXPECT_THAT(error(16, 0), HasSubstr("of 0 seeds"));
  EXPECT_THAT(error(16, uint64_t{1} << 40), HasSubstr("seeds"));
  EXPECT_THAT(error(16, 3), HasSubstr("hold 2 rows; expected 4"));
  EXPECT_THAT(error(16, 1), HasSubstr("bytes too many"));
  EXPECT_THAT(error(24, 2), HasSubstr("cut short"));
  EXPECT_THAT(error(48, 13), HasSubstr("cut short"));
  EXPECT_THAT(error(48, 1), HasSubstr("restart out of order"));
  EXPECT_THAT(error(32, uint64_t{1} << 61),
              HasSubstr("hold 4 rows; expected 2305843009213693953"));
  EXPECT_THAT(error(40, 0), HasSubstr("in blocks of 0"));
  EXPECT_THAT(error(56, 0x3ff0000000000000), HasSubstr("start at zero"));
  EXPECT_THAT(error(80, 0x7ff8000000000000), HasSubstr("NaN"));
}

TEST(GramSumsTest, SaysWhatDoesNotMatch) {
  const GramSums gram = SmallSums();
  const GenomeLayout layout = SingleChromosome(VectorsOf({4}));
  EXPECT_EQ(std::string(gram.CheckMatches(3, layout.chromosomes).message()),
            "Gram sums: seeds is 2; expected 3");
  EXPECT_EQ(std::string(gram.CheckMatches(2, {}).message()),
            "Gram sums: number of chromosomes is 1; expected 0");
  EXPECT_EQ(std::string(gram.CheckMatches(2, layout.chromosomes).message()),
            "Gram sums: chromosomes[0].length is 3; expected 4");
}

}  // namespace
}  // namespace merganser
