// Deaths, errors and hand-backs: what they cost, and who runs the job next.
#include "coordinator/scheduler/scheduler_fixture.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Failures = SchedulerFixture;

TEST_F(Failures, HandBacksCostNothingHoweverMany) {
  AddJobs(1, 1);
  AddWorker("w");
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(Lease("w"), ElementsAre(Search(1)));
    ASSERT_FALSE(scheduler_.Workers()[0].alone);
    scheduler_.HandBack("w", Search(1));
  }
}

TEST_F(Failures, AWorkerThatLeavesCostsNothing) {
  AddJobs(1, 1);
  for (int i = 0; i < 20; ++i) {
    AddWorker("w");
    ASSERT_THAT(Lease("w"), ElementsAre(Search(1)));
    Executes("w", {Search(1)});
    ASSERT_FALSE(scheduler_.Workers()[0].alone);
    EXPECT_THAT(scheduler_.RemoveWorker("w", RemovalReason::kLeft).requeued,
                ElementsAre(Search(1)));
  }
}

TEST_F(Failures, ADeathCountsOnlyForJobsThatWereExecuting) {
  AddJobs(1, 2);
  for (int death = 0; death < 2; ++death) {
    AddWorker("w");
    EXPECT_THAT(Lease("w", 2), SizeIs(2));
    scheduler_.Reconcile("w", {{Search(1), false}, {Search(2), true}}, call_);
    scheduler_.RemoveWorker("w", RemovalReason::kDied);
  }
  AddWorker("w");
  // 1 was waiting: still an ordinary job. 2 waits for the worker to be empty.
  EXPECT_THAT(Lease("w", 2), ElementsAre(Search(1)));
  EXPECT_FALSE(scheduler_.Workers()[0].alone);
  EXPECT_THAT(Lease("w", 2), IsEmpty());
  scheduler_.Complete(Search(1));
  EXPECT_THAT(Lease("w", 2), ElementsAre(Search(2)));
  EXPECT_TRUE(scheduler_.Workers()[0].alone);
}

class AloneJob : public SchedulerFixture {
 protected:
  // Job 1 must run alone, after two deaths on "killed".
  void SetUp() override {
    AddJobs(1, 1);
    AddWorker("killed");
    DieExecuting("killed", Search(1));
    DieExecuting("killed", Search(1));
    scheduler_.RemoveWorker("killed", RemovalReason::kLeft);
  }
};

TEST_F(AloneJob, ItsWorkerGetsNothingElse) {
  AddJobs(2, 9);
  AddWorker("w");
  EXPECT_THAT(Lease("w", 5), ElementsAre(Search(1)));
  EXPECT_THAT(Lease("w", 5), IsEmpty());
  scheduler_.Complete(Search(1));
  EXPECT_THAT(Lease("w", 5), SizeIs(5));
}

TEST_F(AloneJob, ABusyWorkerIsEmptiedForIt) {
  AddWorker("w");
  EXPECT_THAT(Lease("w"), ElementsAre(Search(1)));
  scheduler_.HandBack("w", Search(1));
  AddJobs(-2, -1);  // older, so they are leased before it
  EXPECT_THAT(Lease("w", 5), ElementsAre(Search(-2), Search(-1)));
  AddJobs(2, 9);
  EXPECT_THAT(Lease("w", 5), IsEmpty());
  scheduler_.Complete(Search(-2));
  EXPECT_THAT(Lease("w", 5), IsEmpty());
  scheduler_.Complete(Search(-1));
  EXPECT_THAT(Lease("w", 5), ElementsAre(Search(1)));
}

TEST_F(AloneJob, AnEmptyWorkerTakesItFromOneThatStillEmptiesItself) {
  AddJobs(-1, -1);
  AddWorker("busy");
  EXPECT_THAT(Lease("busy", 5), ElementsAre(Search(-1)));
  EXPECT_THAT(Lease("busy", 5), IsEmpty());
  AddWorker("empty");
  EXPECT_THAT(Lease("empty", 5), ElementsAre(Search(1)));
  AddJobs(2, 9);
  EXPECT_THAT(Lease("busy", 2), ElementsAre(Search(2), Search(3)));
}

TEST_F(AloneJob, OnlyOneWorkerIsEmptiedForIt) {
  AddJobs(-2, -1);
  AddWorker("w1");
  AddWorker("w2");
  EXPECT_THAT(Lease("w1"), ElementsAre(Search(-2)));
  EXPECT_THAT(Lease("w2"), ElementsAre(Search(-1)));
  AddJobs(2, 9);
  EXPECT_THAT(Lease("w1", 1), IsEmpty());
  EXPECT_THAT(Lease("w2", 1), ElementsAre(Search(2)));
}

TEST_F(AloneJob, AWorkerIsNotKeptEmptyForAJobThatIsGone) {
  AddJobs(-1, -1);
  AddWorker("w");
  EXPECT_THAT(Lease("w", 5), ElementsAre(Search(-1)));
  EXPECT_THAT(Lease("w", 5), IsEmpty());
  scheduler_.Complete(Search(1));
  AddJobs(2, 2);
  EXPECT_THAT(Lease("w", 5), ElementsAre(Search(2)));
}

TEST_F(AloneJob, AnotherWorkerIsEmptiedWhenTheFirstDies) {
  AddJobs(-2, -1);
  AddWorker("w1");
  AddWorker("w2");
  EXPECT_THAT(Lease("w1"), ElementsAre(Search(-2)));
  EXPECT_THAT(Lease("w2"), ElementsAre(Search(-1)));
  EXPECT_THAT(Lease("w1"), IsEmpty());
  scheduler_.RemoveWorker("w1", RemovalReason::kLeft);
  AddJobs(2, 9);
  EXPECT_THAT(Lease("w2", 5), ElementsAre(Search(-2)));
  EXPECT_THAT(Lease("w2", 5), IsEmpty());
  scheduler_.Complete(Search(-2));
  scheduler_.Complete(Search(-1));
  EXPECT_THAT(Lease("w2", 5), ElementsAre(Search(1)));
}

TEST_F(AloneJob, FreesItsWorkerWhenItsCampaignIsRemoved) {
  AddJobs(1, 3, "other");
  AddWorker("w", 100, {"c", "other"});
  scheduler_.SetPaused("other", true);
  EXPECT_THAT(Lease("w", 5), ElementsAre(Search(1)));
  scheduler_.SetPaused("other", false);
  EXPECT_THAT(Lease("w", 5), IsEmpty());
  scheduler_.RemoveCampaign("c");
  EXPECT_THAT(Lease("w", 5), SizeIs(3));
}

TEST_F(AloneJob, ItsWorkerAdoptsNothingElse) {
  AddJobs(2, 2);
  AddWorker("w");
  EXPECT_THAT(Lease("w"), ElementsAre(Search(1)));
  const ReconcileResult result =
      scheduler_.Reconcile("w", {{Search(1), true}, {Search(2), true}}, call_);
  EXPECT_THAT(result.adopted, IsEmpty());
  EXPECT_THAT(result.stop, ElementsAre(Search(2)));
}

TEST_F(AloneJob, IsQuarantinedAfterThreeDeathsOnTwoWorkers) {
  AddWorker("w1");
  AddWorker("w2");
  EXPECT_THAT(DieExecuting("w1", Search(1)).quarantined, IsEmpty());
  EXPECT_THAT(Lease("w1"), IsEmpty()) << "w2 did not try it yet";
  EXPECT_THAT(DieExecuting("w2", Search(1)).quarantined, IsEmpty());
  const RemovalResult last = DieExecuting("w1", Search(1));
  ASSERT_THAT(last.quarantined, SizeIs(1));
  EXPECT_THAT(last.requeued, IsEmpty());
  EXPECT_EQ(last.quarantined[0].job, Search(1));
  EXPECT_THAT(last.quarantined[0].reason, HasSubstr("w1, w2"));
  EXPECT_FALSE(scheduler_.IsOpen(Search(1)));
}

TEST_F(AloneJob, IsQuarantinedAfterSixDeathsInAClusterOfOneWorker) {
  AddWorker("w");
  for (int death = 1; death <= 5; ++death) {
    ASSERT_THAT(DieExecuting("w", Search(1)).quarantined, IsEmpty()) << death;
  }
  EXPECT_THAT(DieExecuting("w", Search(1)).quarantined, SizeIs(1));
}

TEST_F(AloneJob, TickReportsAQuarantine) {
  AddWorker("w");
  for (int death = 1; death <= 5; ++death) DieExecuting("w", Search(1));
  EXPECT_THAT(Lease("w"), SizeIs(1));
  Executes("w", {Search(1)});
  clock_.Advance(options_.worker_timeout);
  const TickResult result = scheduler_.Tick();
  EXPECT_THAT(result.quarantined, SizeIs(1));
  EXPECT_THAT(result.requeued, IsEmpty());
}

TEST_F(Failures, AJobThatKillsBeforeItIsReportedIsFoundOut) {
  AddJobs(1, 1);
  int deaths = 0;
  while (scheduler_.IsOpen(Search(1)) && deaths < 100) {
    const std::string worker = deaths % 2 == 0 ? "w1" : "w2";
    AddWorker(worker);
    ASSERT_THAT(Lease(worker), ElementsAre(Search(1)));
    scheduler_.RemoveWorker(worker, RemovalReason::kDied);
    ++deaths;
  }
  EXPECT_EQ(deaths, 6);  // one free, two in company, three alone
}

TEST_F(Failures, ThreeErrorsOnTwoWorkersQuarantine) {
  AddJobs(1, 1);
  AddWorker("w1");
  Lease("w1");
  EXPECT_EQ(scheduler_.Fail("w1", Search(1), "a").effect,
            FailureEffect::kRequeued);
  Lease("w1");
  EXPECT_EQ(scheduler_.Fail("w1", Search(1), "b").effect,
            FailureEffect::kRequeued);
  AddWorker("w2");
  EXPECT_THAT(Lease("w2"), ElementsAre(Search(1)));
  const FailureOutcome outcome = scheduler_.Fail("w2", Search(1), "NaN score");
  EXPECT_EQ(outcome.effect, FailureEffect::kQuarantined);
  EXPECT_THAT(outcome.reason, HasSubstr("NaN score"));
  EXPECT_FALSE(scheduler_.IsOpen(Search(1)));
}

TEST_F(Failures, SessionsOfOneWorkerAreOneWorker) {
  AddJobs(1, 1);
  for (int session = 1; session <= 5; ++session) {
    const std::string name = "session" + std::to_string(session);
    AddWorker(name, "the same", 1, {"c"});
    ASSERT_THAT(Lease(name), SizeIs(1));
    ASSERT_EQ(scheduler_.Fail(name, Search(1), "x").effect,
              FailureEffect::kRequeued);
    scheduler_.RemoveWorker(name, RemovalReason::kLeft);
  }
}

TEST_F(Failures, AnErrorForAJobLeasedToAnotherIsIgnored) {
  AddJobs(1, 1);
  AddWorker("w1");
  AddWorker("w2");
  Lease("w1");
  EXPECT_EQ(scheduler_.Fail("w2", Search(1), "x").effect,
            FailureEffect::kIgnored);
  EXPECT_THAT(scheduler_.Workers()[0].leased, SizeIs(1));
}

TEST_F(Failures, AFailedJobWaitsForAnotherReadyWorker) {
  AddJobs(1, 2);
  AddWorker("w1");
  AddWorker("w2");
  EXPECT_THAT(Lease("w1"), ElementsAre(Search(1)));
  scheduler_.Fail("w1", Search(1), "x");
  EXPECT_THAT(Lease("w1"), ElementsAre(Search(2)));
  scheduler_.Complete(Search(2));
  EXPECT_THAT(Lease("w1"), IsEmpty());
  EXPECT_THAT(Lease("w2"), ElementsAre(Search(1)));
}

TEST_F(Failures, AFailedJobIsNotKeptForWorkersThatAreNotReady) {
  AddJobs(1, 1);
  AddWorker("w1");
  AddWorker("elsewhere", 1, {"other"});
  AddWorker("w1_again", "w1", 1, {"c"});
  EXPECT_THAT(Lease("w1"), SizeIs(1));
  scheduler_.Fail("w1", Search(1), "x");
  EXPECT_THAT(Lease("w1"), ElementsAre(Search(1)));
}

TEST_F(Failures, AFailedJobWaitsForAnotherWorkerOnlySoLong) {
  AddJobs(1, 1);
  AddWorker("w1");
  AddWorker("w2");
  Lease("w1");
  scheduler_.Fail("w1", Search(1), "x");
  clock_.Advance(options_.other_worker_patience - absl::Nanoseconds(1));
  EXPECT_THAT(Lease("w1"), IsEmpty());
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(Lease("w1"), ElementsAre(Search(1)));
}

TEST_F(Failures, CompletingAJobForgetsItsFailures) {
  AddJobs(1, 1);
  AddWorker("w1");
  AddWorker("w2");
  Lease("w1");
  scheduler_.Fail("w1", Search(1), "x");
  EXPECT_TRUE(scheduler_.Complete(Search(1)));
  AddJobs(1, 1);
  EXPECT_THAT(Lease("w1"), ElementsAre(Search(1)));
}

}  // namespace
}  // namespace merganser
