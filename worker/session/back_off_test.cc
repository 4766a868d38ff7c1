#include "worker/session/back_off.h"

#include "gtest/gtest.h"

namespace merganser {
namespace {

TEST(BackOffTest, DoublesUpToTwoSecondsAndBeginsAgain) {
  BackOff back_off;
  for (const int milliseconds : {100, 200, 400, 800, 1600, 2000, 2000}) {
    EXPECT_EQ(back_off.Next(), absl::Milliseconds(milliseconds));
  }
  back_off.Reset();
  EXPECT_EQ(back_off.Next(), absl::Milliseconds(100));
}

}  // namespace
}  // namespace merganser
