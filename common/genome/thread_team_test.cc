#include "common/genome/thread_team.h"

#include <gtest/gtest.h>

namespace merganser {
namespace {

TEST(ThreadTeamTest, RunsEveryItemOnceWhateverTheNumberOfThreads) {
  for (const int threads : {1, 2, 7}) {
    ThreadTeam team(threads);
    EXPECT_EQ(team.threads(), threads);
    for (const int64_t items : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> runs(items);
      std::atomic<bool> thread_in_range = true;
      team.Run(items, [&](int64_t item, int thread) {
        ++runs[item];
        if (thread < 0 || thread >= threads) thread_in_range = false;
      });
      for (const auto& count : runs) EXPECT_EQ(count, 1);
      EXPECT_TRUE(thread_in_range);
    }
  }
}

TEST(ThreadTeamTest, NoTwoCallsAtATimeShareAThreadNumber) {
  ThreadTeam team(4);
  // Not atomic: the thread sanitizer sees any sharing, and so does the sum.
  std::vector<int64_t> sums(4);
  for (int round = 0; round < 50; ++round) {
    team.Run(1000, [&](int64_t item, int thread) { sums[thread] += item; });
  }
  EXPECT_EQ(sums[0] + sums[1] + sums[2] + sums[3], 50 * 999 * 1000 / 2);
}

}  // namespace
}  // namespace merganser
