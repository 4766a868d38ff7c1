// Which job a worker is given, and how many.
#include "coordinator/scheduler/scheduler_fixture.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Fairness = SchedulerFixture;

TEST_F(Fairness, LeasesByKindThenOldestFirst) {
  const JobKey search{"c", JobKind::kSearch, 1};
  const JobKey newer{"c", JobKind::kSearch, 12};
  const JobKey holdout{"c", JobKind::kHoldout, 9};
  const JobKey seed{"c", JobKind::kSeed, -3};
  const JobKey newer_seed{"c", JobKind::kSeed, -2};
  const JobKey gram{"c", JobKind::kGram, 0};
  for (const JobKey& job : {newer, search, holdout, newer_seed, gram, seed}) {
    EXPECT_TRUE(scheduler_.AddJob(job));
  }
  AddWorker("w");
  EXPECT_THAT(Lease("w", 10),
              ElementsAre(gram, seed, newer_seed, holdout, search, newer));
}

TEST_F(Fairness, AJobIsAddedOnce) {
  EXPECT_TRUE(scheduler_.AddJob(Search(1)));
  EXPECT_FALSE(scheduler_.AddJob(Search(1)));
  AddWorker("w");
  EXPECT_THAT(Lease("w", 10), SizeIs(1));
  EXPECT_FALSE(scheduler_.AddJob(Search(1)));
  EXPECT_THAT(Lease("w", 10), IsEmpty());
}

TEST_F(Fairness, GivesNothingOfCampaignsTheWorkerIsNotReadyFor) {
  AddJobs(1, 3, "other");
  AddWorker("w");
  EXPECT_THAT(Lease("w"), IsEmpty());
  scheduler_.SetReady("w", "other", true);
  EXPECT_THAT(Lease("w"), ElementsAre(Search(1, "other")));
  scheduler_.SetReady("w", "other", false);
  EXPECT_THAT(Lease("w"), IsEmpty());
}

TEST_F(Fairness, GivesNothingToAnUnknownWorker) {
  AddJobs(1, 1);
  EXPECT_THAT(Lease("nobody"), IsEmpty());
}

TEST_F(Fairness, PausedCampaignsKeepTheirJobsAndTheirLeases) {
  AddJobs(1, 2);
  AddWorker("w");
  EXPECT_THAT(Lease("w"), ElementsAre(Search(1)));
  scheduler_.SetPaused("c", true);
  EXPECT_THAT(Lease("w"), IsEmpty());
  EXPECT_TRUE(scheduler_.Complete(Search(1)));
  scheduler_.SetPaused("c", false);
  EXPECT_THAT(Lease("w"), ElementsAre(Search(2)));
}

TEST_F(Fairness, ServesTheCampaignWithTheFewestLeasedJobs) {
  AddJobs(1, 10, "a");
  AddJobs(1, 10, "b");
  AddWorker("only_a", 100, {"a"});
  EXPECT_THAT(Lease("only_a", 3), SizeIs(3));
  AddWorker("both", 100, {"a", "b"});
  // a has 3 leased: b catches up first, then they take turns, b having been
  // served last when they are level.
  EXPECT_THAT(Lease("both", 5),
              ElementsAre(Search(1, "b"), Search(2, "b"), Search(3, "b"),
                          Search(4, "a"), Search(4, "b")));
}

TEST_F(Fairness, TiesGoToTheLeastRecentlyServed) {
  AddJobs(1, 10, "a");
  AddJobs(1, 10, "b");
  AddWorker("w", 100, {"a", "b"});
  for (const std::string turn : {"a", "b", "a", "b"}) {
    const std::vector<JobKey> leased = Lease("w");
    ASSERT_THAT(leased, SizeIs(1));
    EXPECT_EQ(leased[0].campaign_uid, turn);
    scheduler_.Complete(leased[0]);
  }
}

TEST_F(Fairness, ACampaignWithNothingQueuedIsPassedOver) {
  AddJobs(1, 1, "a");
  AddJobs(1, 3, "b");
  AddWorker("w", 100, {"a", "b"});
  EXPECT_THAT(Lease("w", 10), ElementsAre(Search(1, "a"), Search(1, "b"),
                                          Search(2, "b"), Search(3, "b")));
}

TEST_F(Fairness, NeverBeyondTheCapacity) {
  AddJobs(1, 10);
  AddWorker("w", 3);
  EXPECT_THAT(Lease("w", 2), SizeIs(2));
  EXPECT_THAT(Lease("w", 10), SizeIs(1));
  EXPECT_THAT(Lease("w", 10), IsEmpty());
  scheduler_.Complete(Search(2));
  EXPECT_THAT(Lease("w", 10), SizeIs(1));
}

TEST_F(Fairness, AKnownWorkerOnlyGetsTheNewCapacity) {
  AddJobs(1, 10);
  AddWorker("w", 1);
  EXPECT_THAT(Lease("w", 10), SizeIs(1));
  scheduler_.AddWorker("w", "w", 4);
  EXPECT_THAT(Lease("w", 10), SizeIs(3));
}

struct ShareRow {
  std::string name;
  int open;
  int workers;
  int share;  // ceil(open / workers), at least 1, by hand
};

class FairShare : public SchedulerFixture,
                  public testing::WithParamInterface<ShareRow> {};

TEST_P(FairShare, BoundsWhatTheFirstWorkerGets) {
  AddJobs(1, GetParam().open);
  for (int i = 0; i < GetParam().workers; ++i) {
    AddWorker("w" + std::to_string(i));
  }
  EXPECT_THAT(Lease("w0", 100), SizeIs(GetParam().share));
  EXPECT_THAT(Lease("w0", 100), IsEmpty()) << "held jobs count";
}

INSTANTIATE_TEST_SUITE_P(Table, FairShare,
                         testing::Values(ShareRow{"OneWorkerTakesAll", 7, 1, 7},
                                         ShareRow{"EvenSplit", 8, 4, 2},
                                         ShareRow{"RoundedUp", 9, 4, 3},
                                         ShareRow{"FewerJobsThanWorkers", 2, 5,
                                                  1},
                                         ShareRow{"ThirdsAreExact", 33, 3, 11}),
                         [](const auto& info) { return info.param.name; });

TEST_F(Fairness, TheShareIsOfAllCampaignsTogether) {
  // Three jobs and three workers: one each, although the worker could have one
  // of every campaign.
  for (const std::string campaign : {"a", "b", "c"}) AddJobs(1, 1, campaign);
  for (const std::string worker : {"w1", "w2", "w3"}) {
    AddWorker(worker, 100, {"a", "b", "c"});
  }
  EXPECT_THAT(Lease("w1", 100), SizeIs(1));
  EXPECT_THAT(Lease("w2", 100), SizeIs(1));
  EXPECT_THAT(Lease("w3", 100), SizeIs(1));
}

TEST_F(Fairness, RoundingAddsNoJobToTheShare) {
  // In doubles 1/3 + 7/3 + 1/3 is 3.0000000000000004.
  AddJobs(1, 1, "a");
  AddJobs(1, 7, "b");
  AddJobs(1, 1, "c");
  for (const std::string worker : {"w1", "w2", "w3"}) {
    AddWorker(worker, 100, {"a", "b", "c"});
  }
  EXPECT_THAT(Lease("w1", 100), SizeIs(3));
}

TEST_F(Fairness, OnlyReadyWorkersShare) {
  AddJobs(1, 6);
  AddWorker("w1");
  AddWorker("elsewhere", 100, {"other"});
  EXPECT_THAT(Lease("w1", 100), SizeIs(6));
}

TEST_F(Fairness, LeavingWorkersLeaveTheirShareToTheOthers) {
  AddJobs(1, 6);
  AddWorker("w1");
  AddWorker("w2");
  EXPECT_THAT(Lease("w1", 100), SizeIs(3));
  scheduler_.RemoveWorker("w2", RemovalReason::kLeft);
  EXPECT_THAT(Lease("w1", 100), SizeIs(3));
}

TEST_F(Fairness, ARemovedCampaignFreesItsWorkers) {
  AddJobs(1, 4, "a");
  AddJobs(1, 4, "b");
  AddWorker("w", 4, {"a", "b"});
  EXPECT_THAT(Lease("w", 4), SizeIs(4));
  scheduler_.RemoveCampaign("a");
  EXPECT_FALSE(scheduler_.IsOpen(Search(1, "a")));
  EXPECT_FALSE(scheduler_.Complete(Search(1, "a")));
  EXPECT_THAT(Lease("w", 4), ElementsAre(Search(3, "b"), Search(4, "b")));
}

TEST_F(Fairness, SnapshotsCountQueuedAndLeasedJobs) {
  AddJobs(1, 5);
  AddWorker("w", 2);
  Lease("w", 2);
  Executes("w", {Search(1)});  // and lost the other
  scheduler_.SetPaused("d", true);
  const std::vector<CampaignSnapshot> campaigns = scheduler_.Campaigns();
  ASSERT_THAT(campaigns, SizeIs(2));
  EXPECT_EQ(campaigns[0].campaign_uid, "c");
  EXPECT_EQ(campaigns[0].queued, 4);
  EXPECT_EQ(campaigns[0].leased, 1);
  EXPECT_EQ(campaigns[0].ready_workers, 1);
  EXPECT_FALSE(campaigns[0].paused);
  EXPECT_TRUE(campaigns[1].paused);
  const std::vector<WorkerSnapshot> workers = scheduler_.Workers();
  ASSERT_THAT(workers, SizeIs(1));
  EXPECT_EQ(workers[0].worker_id, "w");
  EXPECT_EQ(workers[0].capacity, 2);
  EXPECT_EQ(workers[0].last_heard, clock_.Now());
  EXPECT_THAT(workers[0].leased, ElementsAre(Search(1)));
  EXPECT_THAT(workers[0].executing, ElementsAre(Search(1)));
}

}  // namespace
}  // namespace merganser
