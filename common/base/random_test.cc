#include "common/base/random.h"

#include <gtest/gtest.h>

namespace merganser {
namespace {

using Words4 = std::array<uint32_t, 4>;

// Expected values: the known-answer file kat_vectors of the authors' Random123.
TEST(Philox4x32Test, AgreesWithItsAuthorsKnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t ones = 0xffffffff;
  EXPECT_EQ(Philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (Words4{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}),
            (Words4{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(DrawStreamTest, StaysBelowTheBoundAndReachesEveryValue) {
  std::array<int, 7> counts{};
  for (int64_t n = 0; n < 7000; ++n) {
    const uint64_t draw = DrawStream(3, n).Below(7, DrawPurpose::kParentA, 0);
    ASSERT_LT(draw, 7u);
    ++counts[draw];
  }
  // Mean 1000, standard deviation 29.3: five deviations on each side.
  for (const int count : counts) EXPECT_NEAR(count, 1000, 147);
}

TEST(DrawStreamTest, ABoundOfOneGivesZero) {
  EXPECT_EQ(DrawStream(1, -2).Below(1, DrawPurpose::kMix, 9), 0u);
}

TEST(DrawStreamTest, PurposesSequenceNumbersAndSeedsAreApart) {
  const double draw = DrawStream(1, 1).Unit(DrawPurpose::kMix, 0);
  EXPECT_NE(draw, DrawStream(1, 1).Unit(DrawPurpose::kSplitPoint, 0));
  EXPECT_NE(draw, DrawStream(1, 2).Unit(DrawPurpose::kMix, 0));
  EXPECT_NE(draw, DrawStream(2, 1).Unit(DrawPurpose::kMix, 0));
  EXPECT_NE(draw, DrawStream(1, 1).Unit(DrawPurpose::kMix, 1));
  EXPECT_GE(draw, 0.0);
  EXPECT_LT(draw, 1.0);
}

}  // namespace
}  // namespace merganser
