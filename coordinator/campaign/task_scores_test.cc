#include "coordinator/campaign/task_scores.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;

const std::vector<TaskExtent> kTasks = {{0, 4, 2}, {4, 4, 2}, {4, 6, 2}};

TEST(TaskScoresTest, EachTaskHasTheMeanOfItsOwnDatapoints) {
  EXPECT_THAT(TaskAccuracies(ScoreKind::kBinary, kTasks,
                             std::vector<uint32_t>{1, 0, 0, 0, 1, 1}),
              ElementsAre(0.25, 0, 1));
}

TEST(TaskScoresTest, ContinuousScoresCountByTheirUnit) {
  EXPECT_THAT(TaskAccuracies(ScoreKind::kContinuous, kTasks,
                             std::vector<uint32_t>{kScoreUnit, kScoreUnit, 0, 0,
                                                   kScoreUnit / 2, 0}),
              ElementsAre(0.5, 0, 0.25));
}

}  // namespace
}  // namespace merganser
