#include "common/evolution/scores.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace merganser {
namespace {

using Scores = std::vector<uint32_t>;

TEST(ScoresTest, BinaryScoresAreBitsFromTheHighestOn) {
  const Scores scores = {1, 0, 1, 1, 0, 0, 0, 0, 0, 1};
  const std::string bytes = PackScores(ScoreKind::kBinary, scores);
  EXPECT_EQ(bytes, std::string("\xB0\x40"));
  EXPECT_EQ(*UnpackScores(ScoreKind::kBinary, 10, bytes), scores);
}

TEST(ScoresTest, ContinuousScoresAreLittleEndianWords) {
  const Scores scores = {kScoreUnit, 258, 0};
  const std::string bytes = PackScores(ScoreKind::kContinuous, scores);
  EXPECT_EQ(bytes, std::string("\x00\x00\x10\x00\x02\x01\x00\x00\0\0\0\0", 12));
  EXPECT_EQ(*UnpackScores(ScoreKind::kContinuous, 3, bytes), scores);
}

TEST(ScoresTest, WholeBytesNeedNoPadding) {
  EXPECT_EQ(PackScores(ScoreKind::kBinary, Scores(8, 1)), "\xFF");
  EXPECT_EQ(PackedScoresSize(ScoreKind::kBinary, 8), 1);
  EXPECT_EQ(PackedScoresSize(ScoreKind::kBinary, 9), 2);
  EXPECT_EQ(PackedScoresSize(ScoreKind::kContinuous, 9), 36);
  EXPECT_TRUE(UnpackScores(ScoreKind::kBinary, 0, "")->empty());
}

struct BadBytes {
  const char* name;
  ScoreKind kind;
  int64_t datapoints;
  std::string bytes;
};

TEST(ScoresTest, RefusesBytesThatAreNoScores) {
  const std::vector<BadBytes> cases = {
      {"too short", ScoreKind::kBinary, 9, "\xFF"},
      {"too long", ScoreKind::kBinary, 8, std::string("\xFF\x00", 2)},
      {"padding bit", ScoreKind::kBinary, 9, "\xFF\x81"},
      {"last padding bit", ScoreKind::kBinary, 7, "\x01"},
      {"half a word", ScoreKind::kContinuous, 1, "ab"},
      {"above one", ScoreKind::kContinuous, 1, std::string("\1\0\x10\0", 4)},
      {"negative count", ScoreKind::kBinary, -1, ""},
  };
  for (const BadBytes& bad : cases) {
    EXPECT_EQ(UnpackScores(bad.kind, bad.datapoints, bad.bytes).status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad.name;
  }
}

TEST(ScoresTest, RangeEndsAtTheFullScore) {
  EXPECT_TRUE(ValidateScores(ScoreKind::kBinary, 1, Scores{1}).ok());
  EXPECT_FALSE(ValidateScores(ScoreKind::kBinary, 1, Scores{2}).ok());
  EXPECT_TRUE(
      ValidateScores(ScoreKind::kContinuous, 1, Scores{kScoreUnit}).ok());
  EXPECT_FALSE(
      ValidateScores(ScoreKind::kContinuous, 1, Scores{kScoreUnit + 1}).ok());
  EXPECT_FALSE(ValidateScores(ScoreKind::kBinary, 2, Scores{1}).ok());
}

}  // namespace
}  // namespace merganser
