#include "worker/models/rotary.h"

#include <cmath>

#include "gtest/gtest.h"

namespace merganser {
namespace {

LanguageModelConfig Config(RopeScaling scaling) {
  LanguageModelConfig config;
  config.head_size = 8;
  config.rope_theta = 500000;
  config.rope_scaling = scaling;
  return config;
}

// 500000^(-i/4)
constexpr double kPlain[] = {1, 0.0376060309309, 0.00141421356237,
                             0.0000531829589};

TEST(RotaryFrequenciesTest, FallGeometrically) {
  const auto frequencies = RotaryFrequencies(Config({}));
  ASSERT_EQ(frequencies.size(), 4);
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(frequencies[i] / kPlain[i], 1, 1e-6);
  }
}

TEST(RotaryFrequenciesTest, LinearScalingDividesAll) {
  const auto frequencies = RotaryFrequencies(
      Config({.kind = RopeScaling::Kind::kLinear, .factor = 2}));
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(2 * frequencies[i] / kPlain[i], 1, 1e-6);
  }
}

// Wavelengths: 6.28, 167, 4443, 118142. Below 1000 / 4 they are kept, beyond
// 1000 / 0.1 divided by 8; between, 1000 / 4443 = 0.2251 lies
// (0.2251 - 0.1) / 3.9 = 0.03207 of the way from the one to the other.
TEST(RotaryFrequenciesTest, Llama3StretchesLongWavelengths) {
  const auto frequencies =
      RotaryFrequencies(Config({.kind = RopeScaling::Kind::kLlama3,
                                .factor = 8,
                                .low_frequency_factor = 0.1,
                                .high_frequency_factor = 4,
                                .original_positions = 1000}));
  EXPECT_NEAR(frequencies[0] / kPlain[0], 1, 1e-6);
  EXPECT_NEAR(frequencies[1] / kPlain[1], 1, 1e-6);
  EXPECT_NEAR(frequencies[2] / kPlain[2], 0.125 + 0.875 * 0.03207, 1e-5);
  EXPECT_NEAR(frequencies[3] / kPlain[3], 0.125, 1e-6);
}

TEST(RotaryTableTest, GrowsWithoutChangingWhatIsThere) {
  RotaryTable table(Config({}));
  table.Reserve(3);
  const float before = table.sines(2)[1];
  table.Reserve(100);
  EXPECT_EQ(table.sines(2)[1], before);
  EXPECT_NEAR(before, std::sin(2 * kPlain[1]), 1e-6);
  EXPECT_NEAR(table.cosines(99)[0], std::cos(99.0), 1e-6);
}

}  // namespace
}  // namespace merganser
