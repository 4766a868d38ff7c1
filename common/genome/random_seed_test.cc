#include "common/genome/random_seed.h"

#include <gtest/gtest.h>

#include "common/base/digest.h"
#include "common/genome/test_seeds.h"

namespace merganser {
namespace {

TEST(MakeRandomSeedTest, IsNoiseOfItsOwnPurposeForAnyNumberOfThreads) {
  constexpr int64_t kLength = 140'003;
  const NoiseKey key{.campaign_seed = 42, .sequence_number = -2};
  std::vector<float> expected;
  for (int64_t i = 0; i < kLength; ++i) {
    expected.push_back(0.1f * NoiseOf(key, DrawPurpose::kSeedWeights, i));
  }
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (const int threads : {1, 2, 3}) {
      ThreadTeam team(threads);
      std::vector<uint8_t> seed(kLength * DTypeBytes(dtype));
      MakeRandomSeed(key, 0.1, dtype, team, seed);
      EXPECT_EQ(seed, Encode(expected, dtype));
    }
  }
}

// By the program of OffspringMakerTest.GivesTheBitsOfAnotherImplementation.
TEST(MakeRandomSeedTest, GivesTheBitsOfAnotherImplementation) {
  ThreadTeam team(1);
  std::vector<uint8_t> seed(4 * 1001);
  MakeRandomSeed({.campaign_seed = 42, .sequence_number = -2}, 0.1, DType::kF32,
                 team, seed);
  EXPECT_EQ(DigestBuilder().Raw(seed).Finish().ToHex(),
            "11d9db5c5dc5955d8a50382367f7c623bb0130d43bf019ab827a18a9c04a9323");
}

}  // namespace
}  // namespace merganser
