#include "common/evolution/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "common/evolution/evolution_testing.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Niche load 2 0 1 3 0 1 2 1.
Archive SampleArchive() {
  return ArchiveOf(OptionsFor(ScoreKind::kBinary, 4, 8, 1),
                   {{1, 0, 1, 1, 0, 0, 1, 0},
                    {1, 0, 0, 1, 0, 1, 1, 0},
                    {0, 0, 0, 1, 0, 0, 0, 1}});
}

TEST(LayoutTest, LeastContestedDatapointsComeFirst) {
  EXPECT_THAT(*LayoutOrder(SampleArchive(), 0, 8),
              ElementsAre(1, 4, 2, 5, 7, 0, 6, 3));
}

TEST(LayoutTest, ATaskKeepsToItsOwnDatapoints) {
  EXPECT_THAT(*LayoutOrder(SampleArchive(), 3, 7), ElementsAre(4, 5, 6, 3));
  EXPECT_THAT(*LayoutOrder(SampleArchive(), 8, 8), IsEmpty());
}

TEST(LayoutTest, RefusesARangeOutsideTheDatapoints) {
  const Archive archive = SampleArchive();
  EXPECT_TRUE(LayoutOrder(archive, 0, 8).ok());
  EXPECT_FALSE(LayoutOrder(archive, 0, 9).ok());
  EXPECT_FALSE(LayoutOrder(archive, -1, 3).ok());
  EXPECT_FALSE(LayoutOrder(archive, 4, 3).ok());
}

TEST(LayoutTest, FileOrderCountsUp) {
  EXPECT_THAT(FileOrder(2, 5), ElementsAre(2, 3, 4));
  EXPECT_THAT(FileOrder(5, 5), IsEmpty());
}

TEST(LayoutTest, TheLastChunkIsPaddedWithItsFirstRow) {
  const std::vector<uint32_t> order = {7, 3, 9, 1, 4};
  const std::vector<Chunk> chunks = *CutChunks(order, 3);
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_THAT(chunks[0].datapoints, ElementsAre(7, 3, 9));
  EXPECT_EQ(chunks[0].real_count, 3);
  EXPECT_THAT(chunks[1].datapoints, ElementsAre(1, 4, 1));
  EXPECT_EQ(chunks[1].real_count, 2);
}

TEST(LayoutTest, WholeChunksAreNotPadded) {
  const std::vector<uint32_t> order = {7, 3, 9, 1};
  EXPECT_EQ(CutChunks(order, 4)->size(), 1u);
  EXPECT_EQ(CutChunks(order, 4)->front().real_count, 4);
  EXPECT_EQ(CutChunks(order, 2)->size(), 2u);
  EXPECT_EQ(CutChunks(order, 5)->front().real_count, 4);
  EXPECT_THAT(*CutChunks({}, 4), IsEmpty());
  EXPECT_FALSE(CutChunks(order, 0).ok());
}

}  // namespace
}  // namespace merganser
