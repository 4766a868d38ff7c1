#include "coordinator/store/store_watch.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/time/clock.h"
#include "common/base/clock.h"

namespace merganser {
namespace {

// Asks a store that can be taken away.
class StoreWatchTest : public ::testing::Test {
 protected:
  StoreWatch::Options Options() {
    return {.interval = absl::Milliseconds(1),
            .ping =
                [this] {
                  ++asked_;
                  return up_ ? absl::OkStatus()
                             : absl::UnavailableError("no answer");
                },
            .is_persistent = [this] { return persistent_.load(); }};
  }
  // Until a question that begins now has been answered.
  void WaitForAnAnswer() {
    const int before = asked_;
    while (asked_ < before + 2) absl::SleepFor(absl::Milliseconds(1));
  }

  std::atomic<int> asked_ = 0;
  std::atomic<bool> up_ = true;
  std::atomic<bool> persistent_ = true;
};

TEST_F(StoreWatchTest, KnowsOfTheStoreFromTheBeginning) {
  const StoreWatch watch(Clock::Monotonic(), Options());
  EXPECT_TRUE(watch.health().reachable.ok());
  EXPECT_TRUE(watch.health().persistent);
}

TEST_F(StoreWatchTest, NoticesWhenTheStoreGoesAndComes) {
  const StoreWatch watch(Clock::Monotonic(), Options());
  up_ = false;
  WaitForAnAnswer();
  EXPECT_EQ(watch.health().reachable.message(), "no answer");
  EXPECT_FALSE(watch.health().persistent);
  up_ = true;
  persistent_ = false;
  WaitForAnAnswer();
  EXPECT_TRUE(watch.health().reachable.ok());
  EXPECT_FALSE(watch.health().persistent);
}

}  // namespace
}  // namespace merganser
