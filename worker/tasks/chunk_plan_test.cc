#include "worker/tasks/chunk_plan.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two tasks: 5 datapoints in chunks of 2, and 3 in chunks of 4.
const std::vector<TaskShape> kShapes = {{5, 2}, {3, 4}};

ChunkOrder Reversed() {
  return {.version = 7, .tasks = {{4, 3, 2, 1, 0}, {2, 1, 0}}};
}

TEST(ChunkPlanTest, CutsTheOrderAndPadsWithTheChunksFirstRow) {
  const auto plan = ChunkPlan::InOrder(kShapes, Reversed());
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->tasks(), 2);
  ASSERT_EQ(plan->task(0).size(), 3u);
  EXPECT_THAT(plan->task(0)[0].datapoints, ElementsAre(4, 3));
  EXPECT_THAT(plan->task(0)[2].datapoints, ElementsAre(0, 0));
  EXPECT_EQ(plan->task(0)[2].real_count, 1);
  ASSERT_EQ(plan->task(1).size(), 1u);
  EXPECT_THAT(plan->task(1)[0].datapoints, ElementsAre(2, 1, 0, 2));
  EXPECT_EQ(plan->task(1)[0].real_count, 3);
}

TEST(ChunkPlanTest, FileOrderCountsWithinEachTask) {
  const auto plan = ChunkPlan::InFileOrder(kShapes);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->task(0)[1].datapoints, ElementsAre(2, 3));
  EXPECT_THAT(plan->task(1)[0].datapoints, ElementsAre(0, 1, 2, 0));
}

TEST(ChunkPlanTest, ATaskWithoutDatapointsHasNoChunks) {
  const std::vector<TaskShape> shapes = {{0, 2}, {3, 4}};
  const auto plan = ChunkPlan::InFileOrder(shapes);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->task(0).empty());
  EXPECT_THAT(*plan->Select(v1::Job()),
              ElementsAre(ChunkPlan::Reference{1, 0}));
}

TEST(ChunkPlanTest, AJobThatNamesNoChunksMeansAll) {
  const auto plan = ChunkPlan::InFileOrder(kShapes);
  EXPECT_THAT(
      *plan->Select(v1::Job()),
      ElementsAre(ChunkPlan::Reference{0, 0}, ChunkPlan::Reference{0, 1},
                  ChunkPlan::Reference{0, 2}, ChunkPlan::Reference{1, 0}));
}

v1::Job JobOf(int task, std::vector<int32_t> chunks) {
  v1::Job job;
  v1::ChunkSet* set = job.add_chunks();
  set->set_task(task);
  set->mutable_chunks()->Add(chunks.begin(), chunks.end());
  return job;
}

TEST(ChunkPlanTest, AJobMayNameSomeChunks) {
  const auto plan = ChunkPlan::InFileOrder(kShapes);
  EXPECT_THAT(
      *plan->Select(JobOf(0, {0, 2})),
      ElementsAre(ChunkPlan::Reference{0, 0}, ChunkPlan::Reference{0, 2}));
}

TEST(ChunkPlanTest, ChunksThatThereAreNotAreRefused) {
  const auto plan = ChunkPlan::InFileOrder(kShapes);
  EXPECT_TRUE(plan->Select(JobOf(0, {2})).ok());
  EXPECT_FALSE(plan->Select(JobOf(0, {3})).ok());
  EXPECT_FALSE(plan->Select(JobOf(0, {-1})).ok());
  EXPECT_TRUE(plan->Select(JobOf(1, {0})).ok());
  EXPECT_FALSE(plan->Select(JobOf(2, {0})).ok());
  EXPECT_FALSE(plan->Select(JobOf(-1, {0})).ok());
}

TEST(ChunkPlanTest, AnOrderThatIsNoPermutationIsRefusedByItsTask) {
  struct Case {
    std::string name;
    std::vector<std::vector<uint32_t>> tasks;
    std::string message;
  };
  const std::vector<Case> cases = {
      {"too short", {{0, 1, 2, 3}, {0, 1, 2}}, "tasks[0] has 4 datapoints"},
      {"repeated", {{0, 1, 2, 3, 4}, {0, 1, 1}}, "tasks[1]"},
      {"too large", {{0, 1, 2, 3, 5}, {0, 1, 2}}, "tasks[0]"},
      {"a task too few", {{0, 1, 2, 3, 4}}, "layout has 1 tasks"},
  };
  for (const Case& c : cases) {
    const auto plan = ChunkPlan::InOrder(kShapes, {0, c.tasks});
    EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument)
        << c.name;
    EXPECT_THAT(std::string(plan.status().message()), HasSubstr(c.message));
  }
}

TEST(ChunkPlanTest, TakesTheOrderFromTheWire) {
  v1::ChunkLayout layout;
  layout.set_version(3);
  layout.add_tasks()->add_datapoints(1);
  layout.mutable_tasks(0)->add_datapoints(0);
  layout.add_tasks()->add_datapoints(0);
  const ChunkOrder order = OrderFromProto(layout);
  EXPECT_EQ(order.version, 3);
  EXPECT_THAT(order.tasks, ElementsAre(ElementsAre(1, 0), ElementsAre(0)));
}

}  // namespace
}  // namespace merganser
