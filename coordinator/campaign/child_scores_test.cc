#include "coordinator/campaign/child_scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "common/evolution/scores.h"

namespace merganser {
namespace {

using testing::ElementsAre;

// Five chunks: 0 … 2 of task 0, 0 and 1 of task 1.
const std::vector<TaskExtent> kTasks = {{0, 6, 2}, {6, 9, 2}};

ChunkAssembly Nothing() {
  return ChunkAssembly(ScoreKind::kBinary, kTasks,
                       std::make_shared<const std::vector<uint32_t>>(
                           std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8}));
}

std::vector<std::pair<int, int>> Chunks(const std::vector<v1::ChunkSet>& sets) {
  std::vector<std::pair<int, int>> chunks;
  for (const v1::ChunkSet& set : sets) {
    for (const int chunk : set.chunks()) chunks.emplace_back(set.task(), chunk);
  }
  return chunks;
}

TEST(ChunkDealerTest, CountsChunksOverAllTasks) {
  const ChunkDealer dealer(kTasks, 2);
  EXPECT_THAT(Chunks(dealer.Missing(0, nullptr)),
              ElementsAre(std::pair(0, 0), std::pair(0, 2), std::pair(1, 1)));
  EXPECT_THAT(Chunks(dealer.Missing(1, nullptr)),
              ElementsAre(std::pair(0, 1), std::pair(1, 0)));
}

TEST(ChunkDealerTest, APartKeepsItsChunksInEveryRound) {
  const ChunkDealer dealer(kTasks, 2);
  EXPECT_EQ(Chunks(dealer.Missing(5, nullptr)),
            Chunks(dealer.Missing(1, nullptr)));
}

TEST(ChunkDealerTest, LeavesOutWhatIsKnown) {
  const ChunkDealer dealer(kTasks, 2);
  ChunkAssembly chunks = Nothing();
  ASSERT_TRUE(chunks.Add(0, 1, std::string(1, '\0')).ok());
  EXPECT_THAT(Chunks(dealer.Missing(1, &chunks)), ElementsAre(std::pair(1, 0)));
  EXPECT_FALSE(dealer.IsKnown(1, chunks));
  ASSERT_TRUE(chunks.Add(1, 0, std::string(1, '\0')).ok());
  EXPECT_TRUE(dealer.IsKnown(1, chunks));
  EXPECT_FALSE(dealer.IsKnown(0, chunks));
}

TEST(ChunkDealerTest, DealsToNoMoreShardsThanThereAreChunks) {
  EXPECT_EQ(ChunkDealer(kTasks, 1000).shards(), 5);
  EXPECT_EQ(ChunkDealer(kTasks, 1).shards(), 1);
}

TEST(ChildScoresTest, OpensTheMissingPartsOfItsRound) {
  const ChunkDealer dealer(kTasks, 3);
  ChildScores child;
  EXPECT_THAT(child.OpenParts(dealer), ElementsAre(0, 1, 2));
  child.chunks = Nothing();
  // Chunks 1 and 4 are those of part 1.
  ASSERT_TRUE(child.chunks->Add(0, 1, std::string(1, '\0')).ok());
  ASSERT_TRUE(child.chunks->Add(1, 1, std::string(1, '\0')).ok());
  child.open_parts.clear();
  child.round = 2;
  EXPECT_THAT(child.OpenParts(dealer), ElementsAre(6, 8));
  EXPECT_THAT(child.open_parts, ElementsAre(6, 8));
}

}  // namespace
}  // namespace merganser
