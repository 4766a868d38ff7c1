#include "common/language_task/rolling_windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace merganser {
namespace {

using testing::ElementsAre;

// Expected values: lm_eval.utils.get_rolling_token_windows and
// make_disjoint_window by hand.
TEST(RollingWindowsTest, TheLastOneHasMoreContext) {
  EXPECT_THAT(RollingWindows(10, 4),
              ElementsAre(RollingWindow{0, 1, 5}, RollingWindow{4, 5, 9},
                          RollingWindow{6, 9, 11}));
}

TEST(RollingWindowsTest, FullWindowsHaveOneTokenOfContext) {
  EXPECT_THAT(RollingWindows(8, 4),
              ElementsAre(RollingWindow{0, 1, 5}, RollingWindow{4, 5, 9}));
  EXPECT_THAT(RollingWindows(2, 1),
              ElementsAre(RollingWindow{0, 1, 2}, RollingWindow{1, 2, 3}));
}

TEST(RollingWindowsTest, AShortTextIsOneWindow) {
  EXPECT_THAT(RollingWindows(4, 4), ElementsAre(RollingWindow{0, 1, 5}));
  EXPECT_THAT(RollingWindows(3, 4), ElementsAre(RollingWindow{0, 1, 4}));
  EXPECT_THAT(RollingWindows(5, 4),
              ElementsAre(RollingWindow{0, 1, 5}, RollingWindow{1, 5, 6}));
  EXPECT_TRUE(RollingWindows(0, 4).empty());
}

}  // namespace
}  // namespace merganser
