#include "common/schedule/chunk_assembly.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace merganser {
namespace {

using testing::ElementsAre;

// Two tasks: datapoints 0 … 4 in chunks of 2, 5 … 7 in chunks of 3.
const std::vector<TaskExtent> kTasks = {{0, 5, 2}, {5, 8, 3}};

LayoutOrderPointer Order() {
  return std::make_shared<const std::vector<uint32_t>>(
      std::vector<uint32_t>{4, 2, 0, 1, 3, 7, 5, 6});
}

// Bits, first in the highest place.
std::string Bits(uint8_t byte) { return {static_cast<char>(byte)}; }

TEST(ChunkAssemblyTest, PutsScoresInFileOrder) {
  ChunkAssembly assembly(ScoreKind::kBinary, kTasks, Order());
  EXPECT_EQ(assembly.missing(), 4);
  EXPECT_EQ(*assembly.Add(0, 0, Bits(0b10000000)), ChunkOutcome::kNew);  // 4
  EXPECT_EQ(*assembly.Add(0, 2, Bits(0b10000000)), ChunkOutcome::kNew);  // 3
  EXPECT_EQ(*assembly.Add(1, 0, Bits(0b01000000)), ChunkOutcome::kNew);  // 5
  EXPECT_THAT(assembly.MissingChunks(0), ElementsAre(1));
  EXPECT_FALSE(assembly.complete());
  EXPECT_EQ(*assembly.Add(0, 1, Bits(0b01000000)), ChunkOutcome::kNew);  // 1
  EXPECT_TRUE(assembly.complete());
  EXPECT_THAT(assembly.scores(), ElementsAre(0, 1, 0, 1, 1, 1, 0, 0));
}

TEST(ChunkAssemblyTest, TellsARepeatFromAConflictAndKeepsTheFirst) {
  ChunkAssembly assembly(ScoreKind::kBinary, kTasks, Order());
  ASSERT_TRUE(assembly.Add(0, 0, Bits(0b11000000)).ok());
  EXPECT_EQ(*assembly.Add(0, 0, Bits(0b11000000)), ChunkOutcome::kRepeat);
  EXPECT_EQ(*assembly.Add(0, 0, Bits(0b01000000)), ChunkOutcome::kConflict);
  EXPECT_EQ(assembly.scores()[4], 1u);
  EXPECT_EQ(assembly.missing(), 3);
}

TEST(ChunkAssemblyTest, RefusesWhatIsNotThere) {
  ChunkAssembly assembly(ScoreKind::kBinary, kTasks, Order());
  EXPECT_FALSE(assembly.Add(2, 0, Bits(0)).ok());
  EXPECT_FALSE(assembly.Add(-1, 0, Bits(0)).ok());
  EXPECT_FALSE(assembly.Add(0, 3, Bits(0)).ok());
  EXPECT_FALSE(assembly.Add(1, -1, Bits(0)).ok());
  EXPECT_FALSE(assembly.Add(0, 0, "").ok());
  EXPECT_FALSE(assembly.Add(0, 0, Bits(0b00100000)).ok()) << "padding bit set";
  EXPECT_EQ(assembly.missing(), 4);
}

}  // namespace
}  // namespace merganser
