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
  EXPECT_FALSE(assembly.known(0, 1));
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

TEST(ChunkAssemblyTest, PacksTheKnownChunksAlone) {
  ChunkAssembly assembly(ScoreKind::kBinary, kTasks, Order());
  ASSERT_TRUE(assembly.Add(0, 1, Bits(0b01000000)).ok());  // 0: wrong, 1: right
  ASSERT_TRUE(assembly.Add(1, 0, Bits(0b10100000)).ok());  // 7, 5, 6
  const PackedChunks packed = assembly.Pack();
  EXPECT_EQ(packed.known_chunks, Bits(0b01010000));
  EXPECT_EQ(packed.scores, Bits(0b01101000));
  const auto unpacked =
      ChunkAssembly::Unpack(ScoreKind::kBinary, kTasks, Order(), packed);
  ASSERT_TRUE(unpacked.ok()) << unpacked.status();
  EXPECT_EQ(unpacked->scores(), assembly.scores());
  EXPECT_EQ(unpacked->missing(), 2);
  EXPECT_TRUE(unpacked->known(1, 0));
  EXPECT_FALSE(unpacked->known(0, 2));
  EXPECT_THAT(unpacked->KnownDatapoints(), ElementsAre(0, 1, 7, 5, 6));
  EXPECT_EQ(unpacked->PackChunk(1, 0), Bits(0b10100000));
}

TEST(ChunkAssemblyTest, RefusesPackedChunksThatDoNotFit) {
  const auto unpack = [](std::string known, std::string scores) {
    return ChunkAssembly::Unpack(ScoreKind::kBinary, kTasks, Order(),
                                 {std::move(known), std::move(scores)})
        .status()
        .code();
  };
  EXPECT_EQ(unpack(Bits(0b01010000), Bits(0b01101000)), absl::StatusCode::kOk);
  EXPECT_EQ(unpack("", Bits(0)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(unpack(Bits(0b00001000), ""), absl::StatusCode::kInvalidArgument)
      << "a fifth chunk";
  EXPECT_EQ(unpack(Bits(0b01010000), Bits(0b01101100)),
            absl::StatusCode::kInvalidArgument)
      << "a score too many";
}

}  // namespace
}  // namespace merganser
