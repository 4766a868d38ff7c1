#include "common/genome/noise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/genome/instruction_set_test.h"

namespace merganser {
namespace {

constexpr NoiseKey kKey{.campaign_seed = 42, .sequence_number = 7};

// Distance to the next float above.
double UnitInLastPlace(float x) {
  return double{std::nextafter(std::abs(x), 100.0f)} - double{std::abs(x)};
}

// From the true quantile, sqrt(2) erfinv(2 p - 1), by mpmath at 40 digits.
TEST(StandardNormalTest, IsWithinItsBoundOfTheTrueQuantile) {
  constexpr struct {
    uint32_t word;
    double quantile;
  } kRows[] = {
      {0x0, 0x1.40d931ff62706p-32},        {0x1, 0x1.e145caff13a88p-31},
      {0x12345678, 0x1.6f02562c31ab3p-3},  {0x40000000, 0x1.5956b8784e3d9p-1},
      {0x60000000, 0x1.267d4c0a1e23ap+0},  {0x7e000000, 0x1.357292f316ae3p+1},
      {0x7eff0000, 0x1.54520e42b9796p+1},  {0x7f000000, 0x1.547d1754fcf37p+1},
      {0x7f7f7f7f, 0x1.71341bf8911cap+1},  {0x7fff0000, 0x1.0ada4095abf76p+2},
      {0x7fffff00, 0x1.52e249022a842p+2},  {0x7ffffffe, 0x1.8aa6c7fe07fe0p+2},
      {0x7fffffff, 0x1.95a1198fcf3d6p+2},  {0x80000000, -0x1.95a1198fcf3d6p+2},
      {0xc0000000, -0x1.5956b872030bap-1}, {0xffffffff, -0x1.40d931ff62706p-32},
  };
  for (const auto& row : kRows) {
    const float normal = StandardNormal(row.word);
    EXPECT_LT(std::abs(double{normal} - row.quantile),
              0.8 * UnitInLastPlace(normal))
        << std::hex << row.word;
  }
}

// All 2^31 words of one sign were walked once, by hand; here those around the
// places where something changes, and a sample.
TEST(StandardNormalTest, NeverDecreasesAndIsOdd) {
  // 1 - t^2 = 2^-6 near the second one.
  for (const uint32_t middle : {0x00000000u, 0x7efefdfcu, 0x7f800000u}) {
    float last = StandardNormal(middle - 300000);
    for (uint32_t word = middle - 300000; word != middle + 300000; ++word) {
      const float normal = StandardNormal(word);
      ASSERT_GE(normal, last) << std::hex << word;
      ASSERT_EQ(StandardNormal(~word), -normal) << std::hex << word;
      last = normal;
    }
  }
  float last = 0;
  for (uint32_t word = 0; word < 0x80000000u; word += 4099) {
    const float normal = StandardNormal(word);
    ASSERT_GT(normal, last) << std::hex << word;
    last = normal;
  }
  EXPECT_GT(StandardNormal(0x7fffffff), 6.33f);
}

class NoiseTest : public InstructionSetTest {};

// Made by a Python program of its own: Philox from the paper, then the steps of
// StandardNormal with exact fractions, rounded to double after each, and at the
// end to float.
TEST_P(NoiseTest, GivesTheBitsOfAnotherImplementation) {
  constexpr struct {
    DrawPurpose purpose;
    uint64_t seed;
    int64_t n;
    int64_t element;
    uint32_t bits;
  } kRows[] = {
      {DrawPurpose::kMutation, 0, 0, 0, 0xbf08a8c5},
      {DrawPurpose::kMutation, 0, 0, 1, 0xbf79a1d6},
      {DrawPurpose::kMutation, 0, 0, 2, 0x400922b8},
      {DrawPurpose::kMutation, 0, 0, 3, 0x3e8a0e81},
      {DrawPurpose::kMutation, 42, 7, 4, 0xc00f0314},
      {DrawPurpose::kMutation, 42, 7, 19209, 0xbeca7ed6},
      {DrawPurpose::kMutation, 0x123456789abcdef0, 49999, 1000003, 0x3f861a64},
      {DrawPurpose::kMutation, 1, 3, 17179869183, 0x3fd7d5c5},
      {DrawPurpose::kMutation, 1, 3, 17179869184, 0x3e9ccfb1},
      {DrawPurpose::kSeedWeights, 42, -1, 0, 0x3e64d547},
      {DrawPurpose::kSeedWeights, 42, -20, 19209, 0xbf94f529},
      {DrawPurpose::kSeedWeights, ~uint64_t{0}, -3, 1099511627782, 0x3f952a14},
  };
  for (const auto& row : kRows) {
    const NoiseKey key{row.seed, row.n};
    float value = 0;
    if (row.purpose == DrawPurpose::kMutation) {
      AddNoise(key, 1.0f, row.element, {&value, 1});
    } else {
      FillNoise(key, 1.0f, row.element, {&value, 1});
    }
    EXPECT_EQ(std::bit_cast<uint32_t>(value), row.bits)
        << row.n << ", " << row.element;
  }
}

// The noise by its definition, one element at a time.
float NoiseAt(const NoiseKey& key, DrawPurpose purpose, int64_t element) {
  const auto n = static_cast<uint64_t>(key.sequence_number);
  const auto block = static_cast<uint64_t>(element / 4);
  const auto words =
      Philox4x32({static_cast<uint32_t>(n), static_cast<uint32_t>(n >> 32),
                  static_cast<uint32_t>(purpose) +
                      256 * static_cast<uint32_t>(block >> 32),
                  static_cast<uint32_t>(block)},
                 {static_cast<uint32_t>(key.campaign_seed),
                  static_cast<uint32_t>(key.campaign_seed >> 32)});
  return StandardNormal(words[element % 4]);
}

TEST_P(NoiseTest, IsTheSameBitsOnEveryInstructionSetFromAnyElementOn) {
  const int64_t wrap = int64_t{1} << 34;  // where the block needs a 33rd bit
  for (const int64_t first : {int64_t{0}, int64_t{1}, int64_t{1022}, wrap - 9,
                              wrap - 4, wrap, 3 * wrap - 2}) {
    for (const int64_t count : {0, 1, 3, 4, 7, 64, 1023, 1024, 1025, 3001}) {
      std::vector<float> values(count + 1, 0.75f);
      std::vector<float> filled(count + 1, 0.75f);
      AddNoise(kKey, 0.013f, first, std::span(values).first(count));
      FillNoise(kKey, 0.013f, first, std::span(filled).first(count));
      for (int64_t i = 0; i < count; ++i) {
        ASSERT_EQ(
            values[i],
            std::fma(0.013f, NoiseAt(kKey, DrawPurpose::kMutation, first + i),
                     0.75f))
            << first << " + " << i << " of " << count;
        ASSERT_EQ(filled[i],
                  0.013f * NoiseAt(kKey, DrawPurpose::kSeedWeights, first + i));
      }
      ASSERT_EQ(values[count], 0.75f);
      ASSERT_EQ(filled[count], 0.75f);
    }
  }
}

TEST_P(NoiseTest, TailsAreTheSameBitsOnEveryInstructionSet) {
  const int64_t count = int64_t{1} << 18;
  std::vector<float> values(count);
  AddNoise(kKey, 1.0f, 0, values);
  int64_t in_tails = 0;
  for (int64_t i = 0; i < count; ++i) {
    ASSERT_EQ(values[i], NoiseAt(kKey, DrawPurpose::kMutation, i)) << i;
    in_tails += std::abs(values[i]) > 3 ? 1 : 0;
  }
  EXPECT_GT(in_tails, 500);
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, NoiseTest,
                         testing::ValuesIn(SupportedTargets()),
                         [](const auto& info) {
                           return std::string(hwy::TargetName(info.param));
                         });

class NoiseStatisticsTest : public testing::Test {
 protected:
  static std::vector<float> Sample(int64_t count, NoiseKey key = kKey) {
    std::vector<float> values(count);
    AddNoise(key, 1.0f, 0, values);
    return values;
  }
};

TEST_F(NoiseStatisticsTest, MomentsAreThoseOfTheNormalDistribution) {
  const std::vector<float> values = Sample(int64_t{1} << 23);
  const auto count = static_cast<double>(values.size());
  double sums[5] = {};
  for (const float value : values) {
    double power = 1;
    for (double& sum : sums) {
      sum += power;
      power *= value;
    }
  }
  const double mean = sums[1] / count;
  EXPECT_LT(std::abs(mean), 5 / std::sqrt(count));
  EXPECT_LT(std::abs(sums[2] / count - 1), 5 * std::sqrt(2 / count));
  EXPECT_LT(std::abs(sums[3] / count - 3 * mean), 5 * std::sqrt(6 / count));
  // Of x^4 - 6 x^2 + 3, whose variance is 24.
  EXPECT_LT(std::abs(sums[4] / count - 6 * sums[2] / count + 3),
            5 * std::sqrt(24 / count));
}

TEST_F(NoiseStatisticsTest, TailsAreAsFullAsTheyShouldBe) {
  const std::vector<float> values = Sample(int64_t{1} << 26);
  const auto count = static_cast<double>(values.size());
  // 2 (1 - Phi(x)), from tables.
  constexpr struct {
    float beyond;
    double share;
  } kRows[] = {{2, 4.550026389635842e-2},
               {3, 2.699796063260189e-3},
               {4, 6.334248366623996e-5},
               {5, 5.733031437583866e-7}};
  for (const auto& [beyond, share] : kRows) {
    for (const float sign : {-1.0f, 1.0f}) {
      const auto found = static_cast<double>(
          std::count_if(values.begin(), values.end(),
                        [=](float value) { return value * sign > beyond; }));
      const double p = share / 2;
      EXPECT_LT(std::abs(found / count - p), 5 * std::sqrt(p * (1 - p) / count))
          << found << " beyond " << sign * beyond;
    }
  }
  const auto [least, greatest] =
      std::minmax_element(values.begin(), values.end());
  EXPECT_LT(*least, -5.0f);
  EXPECT_GT(*greatest, 5.0f);
}

TEST_F(NoiseStatisticsTest, FollowsTheNormalDistributionFunction) {
  std::vector<float> values = Sample(int64_t{1} << 20);
  std::sort(values.begin(), values.end());
  const auto count = static_cast<double>(values.size());
  double distance = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double expected = 0.5 * std::erfc(-double{values[i]} / std::sqrt(2));
    const auto below = static_cast<double>(i);
    distance = std::max({distance, std::abs(expected - below / count),
                         std::abs(expected - (below + 1) / count)});
  }
  EXPECT_LT(distance, 2 / std::sqrt(count));
}

TEST_F(NoiseStatisticsTest, NeighboursAndCandidatesAreNotCorrelated) {
  const std::vector<float> values = Sample(int64_t{1} << 20);
  const auto count = static_cast<double>(values.size());
  for (const size_t lag : {1, 2, 3, 4, 16}) {
    double sum = 0;
    for (size_t i = lag; i < values.size(); ++i) {
      sum += double{values[i]} * values[i - lag];
    }
    EXPECT_LT(std::abs(sum / count), 5 / std::sqrt(count)) << lag;
  }
  std::vector<float> initial(values.size());
  FillNoise(kKey, 1.0f, 0, initial);
  const std::vector<float> others[] = {
      Sample(int64_t{1} << 20, {42, 8}), Sample(int64_t{1} << 20, {42, -7}),
      Sample(int64_t{1} << 20, {43, 7}), initial};
  for (const std::vector<float>& other : others) {
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      sum += double{values[i]} * other[i];
    }
    EXPECT_LT(std::abs(sum / count), 5 / std::sqrt(count));
  }
}

}  // namespace
}  // namespace merganser
