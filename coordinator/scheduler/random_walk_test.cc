// Random events against a model: no job is lost, none is leased twice.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "coordinator/scheduler/scheduler_fixture.h"

namespace merganser {
namespace {

// A worker as it really is, whatever the scheduler believes.
struct SimulatedWorker {
  std::string worker_id;
  std::map<JobKey, bool> held;  // executing?
  int64_t call = 0;
};

class RandomWalk : public testing::TestWithParam<uint64_t> {
 protected:
  static constexpr int kCampaigns = 4;
  static constexpr int kWorkerIds = 6;

  int Below(int bound) {
    return static_cast<int>(random_() % static_cast<uint64_t>(bound));
  }
  std::string AnyCampaign() { return "c" + std::to_string(Below(kCampaigns)); }

  std::map<std::string, SimulatedWorker>::iterator AnyWorker() {
    auto it = workers_.begin();
    std::advance(it, Below(static_cast<int>(workers_.size())));
    return it;
  }

  void Step();
  void StartWorker();
  void EndWorker();
  void Exchange();
  void Report(const std::string& session, SimulatedWorker& worker);
  void TakeLeases(const std::string& session, SimulatedWorker& worker);
  void ExpectLeasedOnce();
  void Forget(const std::vector<QuarantinedJob>& quarantined) {
    for (const QuarantinedJob& job : quarantined) {
      EXPECT_EQ(open_.erase(job.job), 1u) << job.job.ToString();
    }
  }

  std::mt19937_64 random_{GetParam()};
  const SchedulerOptions options_;
  SimulatedClock clock_;
  Scheduler scheduler_{clock_, options_};
  // The model.
  std::set<JobKey> open_;
  std::set<std::string> paused_;
  std::map<std::string, SimulatedWorker> workers_;  // that live, by session
  int sessions_ = 0;
  int64_t candidates_ = 0;
};

void RandomWalk::StartWorker() {
  const std::string session = "s" + std::to_string(++sessions_);
  SimulatedWorker worker;
  worker.worker_id = "w" + std::to_string(Below(kWorkerIds));
  scheduler_.AddWorker(session, worker.worker_id, 1 + Below(6));
  for (int c = 0; c < kCampaigns; ++c) {
    scheduler_.SetReady(session, "c" + std::to_string(c), Below(4) != 0);
  }
  // Some come back with what they held in a session that was lost.
  for (const JobKey& job : open_) {
    if (Below(40) == 0) worker.held[job] = Below(2) == 0;
  }
  workers_[session] = worker;
}

void RandomWalk::EndWorker() {
  if (workers_.empty()) return;
  auto it = AnyWorker();
  if (Below(3) == 0) {
    workers_.erase(it);  // silently: Tick will find out
    return;
  }
  const RemovalReason reason =
      Below(2) == 0 ? RemovalReason::kLeft : RemovalReason::kDied;
  Forget(scheduler_.RemoveWorker(it->first, reason).quarantined);
  workers_.erase(it);
}

void RandomWalk::Exchange() {
  if (workers_.empty()) return;
  auto it = AnyWorker();
  const std::string& session = it->first;
  SimulatedWorker& worker = it->second;
  scheduler_.Touch(session);
  ++worker.call;
  Report(session, worker);
  std::vector<HeldJob> held;
  for (auto& [job, executing] : worker.held) {
    executing |= Below(3) == 0;
    held.push_back({job, executing});
  }
  const ReconcileResult result =
      scheduler_.Reconcile(session, held, worker.call - 1);
  for (const JobKey& job : result.stop) worker.held.erase(job);
  TakeLeases(session, worker);
}

// Some of what it holds is done, given back or has failed.
void RandomWalk::Report(const std::string& session, SimulatedWorker& worker) {
  const std::map<JobKey, bool> held = worker.held;
  for (const auto& [job, executing] : held) {
    const int fate = Below(12);
    if (fate > 3) continue;
    worker.held.erase(job);
    if (fate == 0) scheduler_.HandBack(session, job);
    if (fate == 1 && scheduler_.Fail(session, job, "error").effect ==
                         FailureEffect::kQuarantined) {
      EXPECT_EQ(open_.erase(job), 1u);
    }
    if (fate > 1) {
      EXPECT_EQ(scheduler_.Complete(job), open_.erase(job) == 1);
    }
  }
}

void RandomWalk::TakeLeases(const std::string& session,
                            SimulatedWorker& worker) {
  std::set<JobKey> leased_before;
  for (const WorkerSnapshot& view : scheduler_.Workers()) {
    leased_before.insert(view.leased.begin(), view.leased.end());
  }
  const std::vector<JobKey> given =
      scheduler_.Lease(session, Below(5), worker.call);
  const bool answer_lost = Below(6) == 0;
  for (const JobKey& job : given) {
    EXPECT_TRUE(open_.contains(job)) << job.ToString();
    EXPECT_TRUE(leased_before.insert(job).second) << job.ToString();
    EXPECT_FALSE(paused_.contains(job.campaign_uid)) << job.ToString();
    if (!answer_lost) worker.held[job] = false;
  }
}

void RandomWalk::Step() {
  const int event = Below(100);
  if (event < 25) {
    JobKey job{AnyCampaign(), static_cast<JobKind>(Below(4)), ++candidates_};
    EXPECT_TRUE(scheduler_.AddJob(job));
    open_.insert(job);
  } else if (event < 28) {
    StartWorker();
  } else if (event < 30) {
    EndWorker();
  } else if (event < 31) {
    const std::string campaign = AnyCampaign();
    const bool paused = Below(2) == 0;
    scheduler_.SetPaused(campaign, paused);
    paused ? (void)paused_.insert(campaign) : (void)paused_.erase(campaign);
  } else if (event < 45) {
    clock_.Advance(absl::Milliseconds(Below(500)));
    Forget(scheduler_.Tick().quarantined);
    std::erase_if(workers_, [&](const auto& worker) {
      return !scheduler_.HasWorker(worker.first);
    });
  } else {
    Exchange();
  }
}

void RandomWalk::ExpectLeasedOnce() {
  std::set<JobKey> leased;
  for (const WorkerSnapshot& view : scheduler_.Workers()) {
    for (const JobKey& job : view.leased) {
      EXPECT_TRUE(open_.contains(job)) << job.ToString();
      EXPECT_TRUE(leased.insert(job).second) << job.ToString();
    }
    EXPECT_TRUE(!view.alone || view.leased.size() == 1) << view.session;
  }
  int64_t counted_open = 0;
  int64_t counted_leased = 0;
  for (const CampaignSnapshot& view : scheduler_.Campaigns()) {
    counted_open += view.queued + view.leased;
    counted_leased += view.leased;
  }
  EXPECT_EQ(counted_open, static_cast<int64_t>(open_.size()));
  EXPECT_EQ(counted_leased, static_cast<int64_t>(leased.size()));
}

TEST_P(RandomWalk, LosesNoJobAndLeasesNoneTwice) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  for (int step = 0; step < 5000 && !HasFailure(); ++step) {
    Step();
    if (step % 10 == 0) ExpectLeasedOnce();
  }
  // Whatever happened, one healthy worker now finishes everything.
  clock_.Advance(options_.worker_timeout);
  Forget(scheduler_.Tick().quarantined);
  scheduler_.AddWorker("healthy", "healthy", 3);
  for (int c = 0; c < kCampaigns; ++c) {
    scheduler_.SetPaused("c" + std::to_string(c), false);
    scheduler_.SetReady("healthy", "c" + std::to_string(c), true);
  }
  for (int64_t call = 1; !open_.empty(); ++call) {
    const std::vector<JobKey> given = scheduler_.Lease("healthy", 3, call);
    ASSERT_FALSE(given.empty()) << open_.size() << " jobs were lost";
    for (const JobKey& job : given) {
      EXPECT_TRUE(scheduler_.Complete(job));
      EXPECT_EQ(open_.erase(job), 1u) << job.ToString();
    }
  }
  ExpectLeasedOnce();
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomWalk, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace merganser
