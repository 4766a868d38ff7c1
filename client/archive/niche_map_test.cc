#include "client/archive/niche_map.h"

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;

// Three slots, the last one empty; two tasks, of four datapoints and of two.
Archive TwoMembers() {
  auto archive = Archive::Create(
      {.population = 3, .datapoints = 6, .task_weight = {1, 1, 1, 1, 2, 2}});
  EXPECT_TRUE(archive.ok()) << archive.status();
  EXPECT_TRUE(
      archive->Restore(0, Member{7, Digest(), {1, 1, 0, 0, 1, 0}}).ok());
  EXPECT_TRUE(
      archive->Restore(1, Member{9, Digest(), {1, 0, 0, 0, 1, 1}}).ok());
  return *std::move(archive);
}

constexpr int64_t kTaskEnds[] = {4, 6};

// Loads of the first task: 2, 1, 0, 0; of the second one: 2, 1.
TEST(NicheMapTest, GroupsDatapointsOfATaskFromTheRarestOn) {
  const NicheMap map = MapNiches(TwoMembers(), kTaskEnds, 3);
  ASSERT_EQ(map.groups.size(), 3);
  EXPECT_EQ(map.groups[0].task, 0);
  EXPECT_EQ(map.groups[0].datapoints, 2);
  EXPECT_EQ(map.groups[0].mean_load, 0);
  EXPECT_EQ(map.groups[1].mean_load, 1.5);
  EXPECT_EQ(map.groups[2].task, 1);
  EXPECT_EQ(map.groups[2].mean_load, 1.5);
}

// Fitness: candidate 7: 1/2 + 1 + 2/2 = 2.5; candidate 9: 1/2 + 2/2 + 2 = 3.5.
TEST(NicheMapTest, TheMemberWithTheLargerShareComesFirst) {
  const NicheMap map = MapNiches(TwoMembers(), kTaskEnds, 3);
  ASSERT_EQ(map.members.size(), 2);
  EXPECT_EQ(map.members[0].candidate, 9);
  EXPECT_EQ(map.members[0].slot, 1);
  EXPECT_THAT(map.members[0].share, DoubleEq(3.5 / 6));
  EXPECT_THAT(map.members[1].share, DoubleEq(2.5 / 6));
}

// Of 4 + 2·2 = 8 in all: candidate 9 has 1 + 4, candidate 7 has 2 + 2.
TEST(NicheMapTest, ScoresAreWeightedByTask) {
  const NicheMap map = MapNiches(TwoMembers(), kTaskEnds, 3);
  EXPECT_DOUBLE_EQ(map.members[0].score, 5.0 / 8);
  EXPECT_DOUBLE_EQ(map.members[1].score, 4.0 / 8);
  EXPECT_DOUBLE_EQ(MeanScoreOf(TwoMembers()), 4.5 / 8);
}

TEST(NicheMapTest, CellsAreMeanScores) {
  const NicheMap map = MapNiches(TwoMembers(), kTaskEnds, 3);
  EXPECT_THAT(map.members[0].groups, ElementsAre(0, 0.5, 1));
  EXPECT_THAT(map.members[1].groups, ElementsAre(0, 1, 0.5));
}

TEST(NicheMapTest, EveryTaskHasAGroupAndNoGroupIsEmpty) {
  EXPECT_EQ(MapNiches(TwoMembers(), kTaskEnds, 1).groups.size(), 2);
  const NicheMap wide = MapNiches(TwoMembers(), kTaskEnds, 100);
  EXPECT_EQ(wide.groups.size(), 6);
  for (const NicheGroup& group : wide.groups) EXPECT_EQ(group.datapoints, 1);
}

TEST(NicheMapTest, ScoresBetweenZeroAndOneCountAsTheyAre) {
  auto archive = Archive::Create({.population = 2,
                                  .datapoints = 1,
                                  .kind = ScoreKind::kContinuous,
                                  .task_weight = {1}});
  ASSERT_TRUE(archive.ok()) << archive.status();
  ASSERT_TRUE(archive->Restore(0, Member{1, Digest(), {kScoreUnit / 4}}).ok());
  const int64_t ends[] = {1};
  const NicheMap map = MapNiches(*archive, ends, 8);
  EXPECT_DOUBLE_EQ(map.members[0].score, 0.25);
  EXPECT_DOUBLE_EQ(map.members[0].groups[0], 0.25);
  EXPECT_DOUBLE_EQ(map.groups[0].mean_load, 0.25);
}

TEST(NicheMapTest, AnEmptyArchiveHasNoMembers) {
  auto archive = Archive::Create(
      {.population = 2, .datapoints = 6, .task_weight = {1, 1, 1, 1, 1, 1}});
  ASSERT_TRUE(archive.ok());
  const NicheMap map = MapNiches(*archive, kTaskEnds, 2);
  EXPECT_TRUE(map.members.empty());
  EXPECT_EQ(MeanScoreOf(*archive), 0);
}

}  // namespace
}  // namespace merganser
