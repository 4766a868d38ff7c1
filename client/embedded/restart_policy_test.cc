#include "client/embedded/restart_policy.h"

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

constexpr absl::Duration kTick = absl::Nanoseconds(1);

absl::Time At(double seconds) {
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

TEST(RestartPolicyTest, ThePauseDoublesUpToTheLongest) {
  // Deaths are far apart, but each life is short.
  RestartPolicy policy({.deaths_to_give_up = 100});
  std::vector<double> pauses;
  for (int i = 0; i < 8; ++i) {
    const absl::Time died = At(100 * i);
    const RestartDecision decision =
        policy.OnDeath("worker", died - absl::Seconds(1), died);
    ASSERT_FALSE(decision.give_up);
    pauses.push_back(absl::ToDoubleSeconds(decision.restart_at - died));
  }
  EXPECT_EQ(pauses, (std::vector<double>{0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5}));
}

TEST(RestartPolicyTest, EachChildHasAPauseOfItsOwn) {
  RestartPolicy policy;
  policy.OnDeath("worker-1", At(0), At(1));
  EXPECT_EQ(policy.OnDeath("worker-2", At(0), At(2)).restart_at, At(2.2));
  EXPECT_EQ(policy.OnDeath("worker-1", At(1.2), At(3)).restart_at, At(3.4));
}

TEST(RestartPolicyTest, ALongLifeEndsTheBackOff) {
  for (const bool recovered : {false, true}) {
    RestartPolicy policy;
    policy.OnDeath("worker", At(0), At(1));
    const absl::Time died =
        At(2) + absl::Seconds(30) - (recovered ? absl::ZeroDuration() : kTick);
    const RestartDecision decision = policy.OnDeath("worker", At(2), died);
    EXPECT_EQ(decision.restart_at - died,
              absl::Milliseconds(recovered ? 200 : 400));
  }
}

TEST(RestartPolicyTest, FiveDeathsWithinAMinuteEndIt) {
  for (const bool within : {false, true}) {
    RestartPolicy policy;
    // Of different children: it is the run that does not work.
    for (int i = 0; i < 4; ++i) {
      EXPECT_FALSE(policy
                       .OnDeath(std::string(1, static_cast<char>('a' + i)),
                                At(0), At(10 + i))
                       .give_up);
    }
    const absl::Time fifth =
        At(10) + absl::Minutes(1) - (within ? kTick : absl::ZeroDuration());
    EXPECT_EQ(policy.OnDeath("e", At(0), fifth).give_up, within);
  }
}

TEST(RestartPolicyTest, OldDeathsAreForgotten) {
  RestartPolicy policy;
  for (int i = 0; i < 50; ++i) {
    const absl::Time died = At(15 * i);
    EXPECT_FALSE(policy.OnDeath("worker", died, died).give_up) << i;
  }
}

}  // namespace
}  // namespace merganser
