// When a worker counts as lost, and what becomes of its jobs.
#include "coordinator/scheduler/scheduler_fixture.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;
using Liveness = SchedulerFixture;

TEST_F(Liveness, AWorkerIsLostAtItsDeadlineAndNotBefore) {
  AddJobs(1, 1);
  AddWorker("session", "worker", 1, {"c"});
  Lease("session");
  clock_.Advance(options_.worker_timeout - absl::Nanoseconds(1));
  EXPECT_THAT(scheduler_.Tick().lost, IsEmpty());
  EXPECT_TRUE(scheduler_.HasWorker("session"));
  clock_.Advance(absl::Nanoseconds(1));
  const TickResult result = scheduler_.Tick();
  ASSERT_THAT(result.lost, SizeIs(1));
  EXPECT_EQ(result.lost[0].session, "session");
  EXPECT_EQ(result.lost[0].worker_id, "worker");
  EXPECT_THAT(result.requeued, ElementsAre(Search(1)));
  EXPECT_FALSE(scheduler_.HasWorker("session"));
  EXPECT_THAT(scheduler_.Tick().lost, IsEmpty());
}

TEST_F(Liveness, AnySignOfLifeMovesTheDeadline) {
  AddWorker("w");
  clock_.Advance(absl::Seconds(4));
  scheduler_.Touch("w");
  EXPECT_THAT(scheduler_.NextDeadline(),
              Optional(Eq(clock_.Now() + options_.worker_timeout)));
  clock_.Advance(options_.worker_timeout - absl::Nanoseconds(1));
  EXPECT_THAT(scheduler_.Tick().lost, IsEmpty());
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(scheduler_.Tick().lost, SizeIs(1));
}

TEST_F(Liveness, TheNextDeadlineIsTheQuietestWorkers) {
  EXPECT_EQ(scheduler_.NextDeadline(), std::nullopt);
  const absl::Time start = clock_.Now();
  AddWorker("w1");
  clock_.Advance(absl::Seconds(1));
  AddWorker("w2");
  EXPECT_EQ(scheduler_.NextDeadline(), start + options_.worker_timeout);
  scheduler_.Touch("w1");
  EXPECT_EQ(scheduler_.NextDeadline(),
            start + absl::Seconds(1) + options_.worker_timeout);
  scheduler_.RemoveWorker("w1", RemovalReason::kLeft);
  scheduler_.RemoveWorker("w2", RemovalReason::kLeft);
  EXPECT_EQ(scheduler_.NextDeadline(), std::nullopt);
}

TEST_F(Liveness, OneTickFindsAllLostWorkers) {
  AddJobs(1, 4);
  AddWorker("w1");
  AddWorker("w2");
  EXPECT_THAT(Lease("w1", 2), SizeIs(2));
  EXPECT_THAT(Lease("w2", 2), SizeIs(2));
  clock_.Advance(options_.worker_timeout);
  const TickResult result = scheduler_.Tick();
  EXPECT_THAT(result.lost, SizeIs(2));
  EXPECT_THAT(result.requeued, SizeIs(4));
}

TEST_F(Liveness, RequeuedJobsGoToTheNextWorkerOldestFirst) {
  AddJobs(1, 4);
  AddWorker("w1");
  EXPECT_THAT(Lease("w1", 2), ElementsAre(Search(1), Search(2)));
  clock_.Advance(options_.worker_timeout);
  scheduler_.Tick();
  AddWorker("w2");
  EXPECT_THAT(Lease("w2", 3), ElementsAre(Search(1), Search(2), Search(3)));
}

TEST_F(Liveness, ALostWorkersSilenceCountsAsADeath) {
  AddJobs(1, 1);
  for (int death = 0; death < 2; ++death) {
    AddWorker("w");
    EXPECT_THAT(Lease("w"), SizeIs(1));
    Executes("w", {Search(1)});
    EXPECT_FALSE(scheduler_.Workers()[0].alone);
    clock_.Advance(options_.worker_timeout);
    EXPECT_THAT(scheduler_.Tick().requeued, SizeIs(1));
  }
  AddWorker("w");
  EXPECT_THAT(Lease("w"), SizeIs(1));
  EXPECT_TRUE(scheduler_.Workers()[0].alone);
}

TEST_F(Liveness, CallsAboutUnknownSessionsChangeNothing) {
  AddJobs(1, 1);
  scheduler_.Touch("nobody");
  scheduler_.SetReady("nobody", "c", true);
  scheduler_.HandBack("nobody", Search(1));
  EXPECT_EQ(scheduler_.Fail("nobody", Search(1), "x").effect,
            FailureEffect::kIgnored);
  EXPECT_THAT(scheduler_.RemoveWorker("nobody", RemovalReason::kDied).requeued,
              IsEmpty());
  EXPECT_THAT(scheduler_.Reconcile("nobody", {{Search(1), true}}, 9).stop,
              ElementsAre(Search(1)));
  EXPECT_EQ(scheduler_.Campaigns()[0].queued, 1);
  EXPECT_EQ(scheduler_.NextDeadline(), std::nullopt);
}

TEST_F(Liveness, TheEmptySessionOwnsNoQueuedJob) {
  AddJobs(1, 1);
  EXPECT_EQ(scheduler_.Fail("", Search(1), "x").effect,
            FailureEffect::kIgnored);
}

}  // namespace
}  // namespace merganser
