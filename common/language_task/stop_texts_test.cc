#include "common/language_task/stop_texts.h"

#include <gtest/gtest.h>

#include <vector>

namespace merganser {
namespace {

const std::vector<std::string> kStops = {"\nQ:", "</s>", ""};
const std::vector<std::string> kNone;

TEST(StopTextsTest, TheFirstInTheTextCounts) {
  EXPECT_EQ(CutAtStop("a</s>b\nQ:c", kStops), "a");
  EXPECT_EQ(CutAtStop("a\nQ:b</s>", kStops), "a");
  EXPECT_EQ(CutAtStop("</s>", kStops), "");
  EXPECT_EQ(CutAtStop("a\nQ", kStops), "a\nQ");
  EXPECT_EQ(CutAtStop("abc", kNone), "abc");
  EXPECT_EQ(FindStop("abc", kStops), std::string_view::npos);
}

TEST(StopTextsTest, ABeginningMayBecomeAStop) {
  EXPECT_TRUE(MayBecomeStop("\n", kStops));
  EXPECT_TRUE(MayBecomeStop("\nQ", kStops));
  EXPECT_TRUE(MayBecomeStop("", kStops));
  EXPECT_FALSE(MayBecomeStop("\nQ:", kStops));
  EXPECT_FALSE(MayBecomeStop("x\n", kStops));
  EXPECT_FALSE(MayBecomeStop("", kNone));
}

TEST(StopTextsTest, TheLongestIsInBytes) {
  EXPECT_EQ(LongestStop(kStops), 4u);
  EXPECT_EQ(LongestStop(kNone), 0u);
}

}  // namespace
}  // namespace merganser
