// What a worker holds against what was leased to it.
#include "coordinator/scheduler/scheduler_fixture.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Reconcile = SchedulerFixture;

TEST_F(Reconcile, AgreementChangesNothing) {
  AddJobs(1, 2);
  AddWorker("w");
  Lease("w", 2);
  const ReconcileResult result =
      scheduler_.Reconcile("w", {{Search(1), true}, {Search(2), false}}, call_);
  EXPECT_THAT(result.requeued, IsEmpty());
  EXPECT_THAT(result.stop, IsEmpty());
  EXPECT_THAT(result.adopted, IsEmpty());
  EXPECT_THAT(scheduler_.Workers()[0].executing, ElementsAre(Search(1)));
}

TEST_F(Reconcile, ALostAnswersJobsAreQueuedAgainAtNoCost) {
  AddJobs(1, 1);
  AddWorker("w");
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(Lease("w"), ElementsAre(Search(1)));
    ASSERT_FALSE(scheduler_.Workers()[0].alone);
    ASSERT_THAT(scheduler_.Reconcile("w", {}, call_).requeued,
                ElementsAre(Search(1)));
  }
}

TEST_F(Reconcile, OnlyLeasesOfAnsweredCallsAreJudged) {
  AddJobs(1, 2);
  AddWorker("w");
  EXPECT_THAT(scheduler_.Lease("w", 1, 7), ElementsAre(Search(1)));
  EXPECT_THAT(scheduler_.Lease("w", 1, 8), ElementsAre(Search(2)));
  EXPECT_THAT(scheduler_.Reconcile("w", {}, 6).requeued, IsEmpty());
  EXPECT_THAT(scheduler_.Reconcile("w", {}, 7).requeued,
              ElementsAre(Search(1)));
  EXPECT_THAT(scheduler_.Reconcile("w", {}, 8).requeued,
              ElementsAre(Search(2)));
}

TEST_F(Reconcile, AdoptsAnOpenJobThatNobodyElseRuns) {
  AddJobs(1, 2);
  AddWorker("w1", 100, {});  // registered again, not ready yet
  const ReconcileResult result =
      scheduler_.Reconcile("w1", {{Search(1), true}}, 0);
  EXPECT_THAT(result.adopted, ElementsAre(Search(1)));
  EXPECT_THAT(result.stop, IsEmpty());
  EXPECT_THAT(scheduler_.Workers()[0].executing, ElementsAre(Search(1)));
  AddWorker("w2");
  EXPECT_THAT(Lease("w2", 5), ElementsAre(Search(2)));
}

TEST_F(Reconcile, AnAdoptedLeaseIsJudgedFromTheNextCallOn) {
  AddJobs(1, 1);
  AddWorker("w");
  scheduler_.Reconcile("w", {{Search(1), true}}, 3);
  EXPECT_THAT(scheduler_.Reconcile("w", {}, 4).requeued,
              ElementsAre(Search(1)));
}

TEST_F(Reconcile, StopsWhatAnotherWorkerRunsAndWhatIsDone) {
  AddJobs(1, 2);
  AddWorker("w1");
  AddWorker("w2");
  EXPECT_THAT(Lease("w2"), ElementsAre(Search(1)));
  scheduler_.Complete(Search(2));
  EXPECT_THAT(scheduler_
                  .Reconcile("w1",
                             {{Search(1), true},
                              {Search(2), true},
                              {Search(5, "gone"), false}},
                             0)
                  .stop,
              ElementsAre(Search(1), Search(2), Search(5, "gone")));
  EXPECT_THAT(scheduler_.Workers()[1].leased, ElementsAre(Search(1)));
}

TEST_F(Reconcile, StopsJobsOfARemovedCampaign) {
  AddJobs(1, 1);
  AddWorker("w");
  Lease("w");
  scheduler_.RemoveCampaign("c");
  const ReconcileResult result =
      scheduler_.Reconcile("w", {{Search(1), true}}, call_);
  EXPECT_THAT(result.stop, ElementsAre(Search(1)));
  EXPECT_THAT(result.requeued, IsEmpty());
}

TEST_F(Reconcile, AWorkerThatWasLostAndComesBackKeepsWhatNobodyTook) {
  AddJobs(1, 2);
  AddWorker("s1", "w", 2, {"c"});
  Lease("s1", 2);
  Executes("s1", {Search(1), Search(2)});
  clock_.Advance(options_.worker_timeout);
  EXPECT_THAT(scheduler_.Tick().requeued, SizeIs(2));
  AddWorker("other");
  EXPECT_THAT(Lease("other"), ElementsAre(Search(1)));
  AddWorker("s2", "w", 2, {"c"});
  const ReconcileResult result =
      scheduler_.Reconcile("s2", {{Search(1), true}, {Search(2), true}}, 0);
  EXPECT_THAT(result.stop, ElementsAre(Search(1)));
  EXPECT_THAT(result.adopted, ElementsAre(Search(2)));
}

TEST_F(Reconcile, AJobThatMustRunAloneIsAdoptedOnlyAlone) {
  AddJobs(1, 2);
  AddWorker("w");
  DieExecuting("w", Search(1));
  DieExecuting("w", Search(1));
  const ReconcileResult beside =
      scheduler_.Reconcile("w", {{Search(1), true}, {Search(2), true}}, 0);
  EXPECT_THAT(beside.stop, ElementsAre(Search(1)));
  EXPECT_THAT(beside.adopted, ElementsAre(Search(2)));
  scheduler_.Complete(Search(2));
  EXPECT_THAT(scheduler_.Reconcile("w", {{Search(1), true}}, 0).adopted,
              ElementsAre(Search(1)));
  EXPECT_TRUE(scheduler_.Workers()[0].alone);
}

TEST_F(Reconcile, RepeatedEntriesCountOnceAndExecutingWins) {
  AddJobs(1, 1);
  AddWorker("w");
  EXPECT_THAT(
      scheduler_.Reconcile("w", {{Search(1), true}, {Search(1), false}}, 0)
          .adopted,
      SizeIs(1));
  EXPECT_THAT(scheduler_.Workers()[0].executing, SizeIs(1));
}

}  // namespace
}  // namespace merganser
