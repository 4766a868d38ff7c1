#include "common/evolution/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "common/evolution/evolution_testing.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;

Digest DigestOf(uint8_t byte) {
  Digest digest;
  digest.bytes.fill(byte);
  return digest;
}

Archive EmptyBinary(int population, int64_t datapoints, double alpha = 1) {
  return Archive::Create(
             OptionsFor(ScoreKind::kBinary, population, datapoints, alpha))
      .value();
}

int DroppedSlot(Archive& archive, std::string_view bits) {
  return archive.Add(MemberWith(0, ScoresFromBits(bits))).value().dropped_slot;
}

TEST(ArchiveTest, EmptySlotsGoFirstAndAChildThatScoresNothingStillEnters) {
  Archive archive = EmptyBinary(3, 4);
  EXPECT_EQ(DroppedSlot(archive, "1100"), 0);
  EXPECT_EQ(DroppedSlot(archive, "0000"), 1);
  // Slot 1 scores nothing, as the empty slot 2 does, and is the lower one.
  EXPECT_EQ(DroppedSlot(archive, "0010"), 1);
  EXPECT_EQ(DroppedSlot(archive, "0001"), 2);
  EXPECT_EQ(DroppedSlot(archive, "0000"), 3);
}

TEST(ArchiveTest, AChildReplacesTheOldMemberItTiesWith) {
  Archive archive = ArchiveOf(OptionsFor(ScoreKind::kBinary, 3, 4, 1),
                              {{1, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}});
  const Replacement replacement =
      archive.Add(MemberWith(9, {0, 0, 1, 0})).value();
  EXPECT_EQ(replacement.dropped_slot, 1);
  EXPECT_TRUE(replacement.accepted);
  EXPECT_EQ(replacement.child_fitness.ToDouble(archive.fitness_scale()), 0.5);
  EXPECT_EQ(archive.slot(1)->sequence_number, 9);
  EXPECT_EQ(FitnessOf(archive), (std::vector<double>{2, 1, 1}));
}

TEST(ArchiveTest, ADroppedChildLeavesNoTrace) {
  Archive archive = ArchiveOf(OptionsFor(ScoreKind::kBinary, 2, 3, 1),
                              {{1, 0, 0}, {0, 1, 1}});
  const Digest before = archive.digest(0);
  const Replacement replacement = archive.Add(MemberWith(9, {0, 0, 0})).value();
  EXPECT_FALSE(replacement.accepted);
  EXPECT_EQ(replacement.dropped_slot, 2);
  EXPECT_EQ(archive.digest(0), before);
  EXPECT_THAT(archive.niche_load(), ElementsAre(1, 1, 1));
}

TEST(ArchiveTest, RefusesScoresOfAWrongLengthOrRangeAndStaysAsItWas) {
  Archive archive = ArchiveOf(OptionsFor(ScoreKind::kBinary, 2, 3, 1),
                              {{1, 0, 0}, {0, 1, 1}});
  const Digest before = archive.digest(0);
  for (const std::vector<uint32_t>& scores :
       std::vector<std::vector<uint32_t>>{{1, 1}, {1, 1, 1, 1}, {1, 2, 1}}) {
    EXPECT_EQ(archive.Add(MemberWith(9, scores)).status().code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(archive.Restore(0, MemberWith(9, scores)).code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_FALSE(archive.Restore(-1, std::nullopt).ok());
  EXPECT_FALSE(archive.Restore(2, std::nullopt).ok());
  EXPECT_EQ(archive.digest(0), before);
}

TEST(ArchiveTest, CreateRefusesOptionsOutOfRange) {
  EXPECT_FALSE(Archive::Create(OptionsFor(ScoreKind::kBinary, 0, 3, 1)).ok());
}

TEST(ArchiveTest, RestoringReplacesAndEmptiesSlots) {
  Archive archive = ArchiveOf(OptionsFor(ScoreKind::kBinary, 2, 3, 1),
                              {{1, 0, 0}, {1, 1, 1}});
  ASSERT_TRUE(archive.Restore(0, MemberWith(5, {0, 0, 1})).ok());
  EXPECT_THAT(archive.niche_load(), ElementsAre(1, 1, 2));
  ASSERT_TRUE(archive.Restore(1, std::nullopt).ok());
  EXPECT_THAT(archive.niche_load(), ElementsAre(0, 0, 1));
  EXPECT_EQ(FitnessOf(archive), (std::vector<double>{1, 0}));
  EXPECT_EQ(archive.best_slot(), 0);
  ASSERT_TRUE(archive.Restore(0, std::nullopt).ok());
  EXPECT_EQ(archive.best_slot(), std::nullopt);
  EXPECT_EQ(archive.digest(0), EmptyBinary(2, 3).digest(0));
}

TEST(ArchiveTest, BestIsTheFirstOfTheHighestWeightedScores) {
  ArchiveOptions options = OptionsFor(ScoreKind::kBinary, 4, 3, 1);
  EXPECT_EQ(
      ArchiveOf(options, {{}, {0, 0, 1}, {1, 1, 0}, {0, 1, 1}}).best_slot(), 2);
  options.task_weight = {1, 1, 3};
  const Archive weighted =
      ArchiveOf(options, {{}, {0, 0, 1}, {1, 1, 0}, {0, 0, 1}});
  EXPECT_EQ(weighted.best_slot(), 1);
  EXPECT_EQ(weighted.weighted_score(1), 3u);
  EXPECT_EQ(weighted.weighted_score(2), 2u);
  // Nobody scores: the first member, not the empty slot before it.
  EXPECT_EQ(ArchiveOf(options, {{}, {0, 0, 0}, {0, 0, 0}}).best_slot(), 1);
}

TEST(ArchiveTest, TaskWeightsMultiplyWhatADatapointIsWorth) {
  ArchiveOptions options = OptionsFor(ScoreKind::kBinary, 3, 3, 1);
  options.task_weight = {1, 1, 5};
  const Archive archive = ArchiveOf(options, {{1, 1, 0}, {1, 0, 1}, {0, 0, 1}});
  EXPECT_EQ(FitnessOf(archive), (std::vector<double>{1.5, 3, 2.5}));
}

TEST(ArchiveTest, CapacityOfAContinuousDatapointIsItsBestScore) {
  constexpr uint32_t kHalf = kScoreUnit / 2;
  const Archive archive = ArchiveOf(OptionsFor(ScoreKind::kContinuous, 2, 2, 1),
                                    {{kHalf, kScoreUnit}, {kHalf / 2, 0}});
  // Datapoint 0: c = 1/2, z = 3/4; datapoint 1: c = z = 1.
  EXPECT_NEAR(FitnessOf(archive)[0], 1.0 / 3 + 1, 1e-15);
  EXPECT_NEAR(FitnessOf(archive)[1], 1.0 / 6, 1e-15);
  EXPECT_NEAR(archive.Attraction(1)[0].value(), 1.0 / 6 + 1, 1e-15);
  EXPECT_TRUE(archive.Attraction(0)[1].is_zero());
}

TEST(ArchiveTest, TheWorstScoreIsSubtractedOnlyOnceEverySlotIsFull) {
  constexpr uint32_t kHalf = kScoreUnit / 2;
  ArchiveOptions options = OptionsFor(ScoreKind::kContinuous, 2, 1, 1);
  options.subtract_worst = true;
  EXPECT_EQ(FitnessOf(ArchiveOf(options, {{kHalf}})),
            (std::vector<double>{0.5, 0}));
  EXPECT_EQ(FitnessOf(ArchiveOf(options, {{kHalf}, {kScoreUnit}})),
            (std::vector<double>{0, 0.5}));
}

// Expected: the bytes of the contract put together and hashed with Python's
// struct and hashlib.
TEST(ArchiveTest, DigestCoversMembersScoresAndResultsApplied) {
  Archive archive = EmptyBinary(3, 10);
  Member first = MemberWith(-2, ScoresFromBits("1011000001"));
  first.genome = DigestOf(0x11);
  Member last = MemberWith(5, ScoresFromBits("0000000011"));
  last.genome = DigestOf(0xab);
  ASSERT_TRUE(archive.Restore(0, first).ok());
  ASSERT_TRUE(archive.Restore(2, last).ok());
  EXPECT_EQ(archive.digest(7).ToHex(),
            "fcd07e00319d27aa65ae80f7dbf833cf0ac52a540052c3832fa1b83322458311");
  EXPECT_NE(archive.digest(8), archive.digest(7));

  const Archive continuous =
      ArchiveOf(OptionsFor(ScoreKind::kContinuous, 1, 2, 1), {});
  Archive filled = continuous;
  ASSERT_TRUE(filled.Restore(0, MemberWith(3, {kScoreUnit, 258})).ok());
  EXPECT_EQ(filled.digest(0).ToHex(),
            "b8a6f21c907b0cc59d11dec2361568326122730a1bd725f9af919c5ef82e20b5");
  EXPECT_NE(continuous.digest(0), filled.digest(0));
}

TEST(ArchiveTest, DigestIgnoresSettings) {
  const std::vector<std::vector<uint32_t>> rows = {{1, 0}, {0, 1}};
  ArchiveOptions other = OptionsFor(ScoreKind::kBinary, 2, 2, 0);
  other.task_weight = {3, 4};
  EXPECT_EQ(ArchiveOf(other, rows).digest(1),
            ArchiveOf(OptionsFor(ScoreKind::kBinary, 2, 2, 1), rows).digest(1));
}

TEST(ArchiveTest, CopiesAreIndependent) {
  const Archive original =
      ArchiveOf(OptionsFor(ScoreKind::kBinary, 2, 2, 1), {{1, 0}});
  Archive copy = original;
  EXPECT_EQ(DroppedSlot(copy, "11"), 1);
  EXPECT_FALSE(original.slot(1).has_value());
  EXPECT_THAT(original.niche_load(), ElementsAre(1, 0));
}

}  // namespace
}  // namespace merganser
