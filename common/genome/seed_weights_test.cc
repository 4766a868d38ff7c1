#include "common/genome/seed_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cfloat>
#include <limits>

#include "common/genome/test_seeds.h"

namespace merganser {
namespace {

using testing::EndsWith;

const float kNaN = std::numeric_limits<float>::quiet_NaN();
const float kInfinity = std::numeric_limits<float>::infinity();

TEST(SeedWeightsTest, HoldsTheTensorsInTheLayoutsOrder) {
  ParameterLayout layout = VectorsOf({3, 2});
  std::swap(layout.tensors[0].name, layout.tensors[1].name);  // t1, t0
  const SeedWeights seed =
      MakeSeed(layout, {1, 2, 3, 4, 5}, DType::kBF16).value();
  const std::span<const uint8_t> first = seed.tensors()[0].bytes;
  EXPECT_EQ(Decode({first.begin(), first.end()}, DType::kBF16),
            (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(seed.dtype(), DType::kBF16);
}

TEST(SeedWeightsTest, NamesTheFirstElementThatIsNoFiniteNumber) {
  constexpr int64_t kLength = 600'001;  // three parts for the threads
  const ParameterLayout layout = VectorsOf({5, kLength});
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (const int64_t index : {0, 31, 300'000, 600'000}) {
      for (const float bad : {kNaN, kInfinity, -kInfinity}) {
        std::vector<float> values(layout.length, -1.5f);
        values[5 + index] = bad;
        values[5 + kLength - 1] = bad;
        const absl::Status status = MakeSeed(layout, values, dtype).status();
        EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
        EXPECT_THAT(std::string(status.message()),
                    EndsWith(": t1: element " + std::to_string(index) +
                             " is NaN or infinite; expected finite numbers"));
      }
    }
  }
}

TEST(SeedWeightsTest, TakesTheLargestAndSmallestNumbers) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  for (int64_t length = 1; length < 70; ++length) {
    const std::vector<float> values(length, length % 2 ? FLT_MAX : -tiny);
    EXPECT_TRUE(MakeSeed(VectorsOf({length}), values, DType::kF32).ok());
  }
}

TEST(SeedWeightsTest, RefusesAnotherShapeAndAMissingTensor) {
  const ParameterLayout layout = VectorsOf({6});
  const TestFile path(".safetensors");
  const std::vector<uint8_t> bytes(24);
  const std::vector<TensorToWrite> tensors = {
      {"t0", DType::kF32, {2, 3}, bytes}};
  ASSERT_TRUE(WriteSafetensors(path.path(), tensors, {}).ok());
  const auto file = SafetensorsFile::Open(path.path()).value();
  ThreadTeam team(1);
  EXPECT_EQ(
      std::string(SeedWeights::Create(file, layout, team).status().message()),
      path.path() + ": t0 has shape [2, 3]; expected [6]");
  EXPECT_EQ(SeedWeights::Create(file, VectorsOf({6, 1}), team).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(CommonDTypeTest, IsFloat32WhereSeedsDiffer) {
  const ParameterLayout layout = VectorsOf({2});
  std::vector<SeedWeights> seeds;
  seeds.push_back(MakeSeed(layout, {1, 2}, DType::kF16).value());
  seeds.push_back(MakeSeed(layout, {1, 2}, DType::kF16).value());
  EXPECT_EQ(CommonDType(Pointers(seeds)), DType::kF16);
  seeds.push_back(MakeSeed(layout, {1, 2}, DType::kBF16).value());
  EXPECT_EQ(CommonDType(Pointers(seeds)), DType::kF32);
}

}  // namespace
}  // namespace merganser
