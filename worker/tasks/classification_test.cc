#include "worker/tasks/classification.h"

#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace merganser {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Case {
  const char* name;
  std::vector<float> logits;
  int32_t label;
  bool correct;
};

class IsCorrectTest : public ::testing::TestWithParam<Case> {};

TEST_P(IsCorrectTest, TheFirstOfTheLargestLogitsIsTheAnswer) {
  EXPECT_EQ(IsCorrect(GetParam().logits, GetParam().label), GetParam().correct);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, IsCorrectTest,
    ::testing::Values(
        Case{"Largest", {1, 3, 2}, 1, true},
        Case{"NotLargest", {1, 3, 2}, 2, false},
        Case{"FirstOfATie", {1, 3, 3}, 1, true},
        Case{"SecondOfATie", {1, 3, 3}, 2, false},
        Case{"AllEqual", {0, 0, 0}, 0, true},
        Case{"NegativeZeroTies", {-0.0f, 0.0f}, 0, true},
        Case{"NegativeZeroBefore", {-0.0f, 0.0f}, 1, false},
        Case{"Infinite", {kInfinity, 1}, 0, true},
        Case{"AllMinusInfinity", {-kInfinity, -kInfinity}, 0, true},
        Case{"NaNInTheAnswer", {kNaN, 1}, 0, false},
        Case{"NaNBefore", {kNaN, 1}, 1, false},
        Case{"NaNBehind", {1, kNaN}, 0, false}, Case{"OneClass", {1}, 0, true}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(ClassificationScoresTest, PacksTheFirstScoreIntoTheHighestBit) {
  // Nine rows of two classes; rows 0, 3 and 8 are right.
  const std::vector<float> logits = {1, 0, 0, 1, 1, 0, 0, 1, 1,
                                     0, 0, 1, 1, 0, 0, 1, 0, 1};
  const std::vector<int32_t> labels = {0, 0, 1, 1, 1, 0, 1, 0, 1};
  EXPECT_EQ(ClassificationScores(logits, 2, labels), std::string("\x90\x80"));
}

TEST(ClassificationScoresTest, LeavesOutThePadding) {
  const std::vector<float> logits = {1, 0, 1, 0, 1, 0};
  EXPECT_EQ(ClassificationScores(logits, 2, std::vector<int32_t>{0}),
            std::string("\x80"));
}

}  // namespace
}  // namespace merganser
