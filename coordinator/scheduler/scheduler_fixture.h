// What the scheduler's tests share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/simulated_clock.h"
#include "coordinator/scheduler/scheduler.h"

namespace merganser {

inline JobKey Search(int64_t candidate, const std::string& campaign = "c") {
  return {campaign, JobKind::kSearch, candidate};
}

class SchedulerFixture : public testing::Test {
 protected:
  // A worker whose worker id is its session's, ready for the campaigns.
  void AddWorker(const std::string& session, int capacity = 100,
                 const std::vector<std::string>& campaigns = {"c"}) {
    AddWorker(session, session, capacity, campaigns);
  }
  void AddWorker(const std::string& session, const std::string& worker_id,
                 int capacity, const std::vector<std::string>& campaigns) {
    scheduler_.AddWorker(session, worker_id, capacity);
    for (const std::string& campaign : campaigns) {
      scheduler_.SetReady(session, campaign, true);
    }
  }

  // Jobs first … last of the campaign.
  void AddJobs(int64_t first, int64_t last, const std::string& campaign = "c") {
    for (int64_t n = first; n <= last; ++n) {
      scheduler_.AddJob(Search(n, campaign));
    }
  }

  std::vector<JobKey> Lease(const std::string& session, int wanted = 1) {
    return scheduler_.Lease(session, wanted, ++call_);
  }

  // The worker says that it executes these and holds nothing else.
  void Executes(const std::string& session, const std::vector<JobKey>& jobs) {
    std::vector<HeldJob> held;
    for (const JobKey& job : jobs) held.push_back({job, true});
    scheduler_.Reconcile(session, held, call_);
  }

  // `session` leases `job` (which must be what it gets), executes it and dies.
  // It registers again under the same worker id.
  RemovalResult DieExecuting(const std::string& session, const JobKey& job) {
    EXPECT_THAT(Lease(session), testing::ElementsAre(job)) << session;
    Executes(session, {job});
    RemovalResult result =
        scheduler_.RemoveWorker(session, RemovalReason::kDied);
    AddWorker(session);
    return result;
  }

  const SchedulerOptions options_;
  SimulatedClock clock_;
  Scheduler scheduler_{clock_, options_};
  int64_t call_ = 0;
};

}  // namespace merganser
