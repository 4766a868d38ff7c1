#include "coordinator/scheduler/scheduler.h"

namespace merganser {

std::vector<WorkerSnapshot> Scheduler::Workers() const {
  std::vector<WorkerSnapshot> views;
  views.reserve(workers_.size());
  for (const auto& [session, worker] : workers_) {
    WorkerSnapshot view{session,
                        worker.worker_id,
                        worker.capacity,
                        worker.last_heard,
                        {worker.leased.begin(), worker.leased.end()},
                        {},
                        worker.alone};
    for (const JobKey& key : worker.leased) {
      const OpenJob* job = campaigns_.at(key.campaign_uid).jobs.Find(key);
      if (job->report == LeaseReport::kExecuting) view.executing.push_back(key);
    }
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<CampaignSnapshot> Scheduler::Campaigns() const {
  std::vector<CampaignSnapshot> views;
  for (const auto& [uid, campaign] : campaigns_) {
    views.push_back({uid, campaign.paused, campaign.jobs.queued(),
                     campaign.jobs.leased(), campaign.ready_sessions});
  }
  return views;
}

}  // namespace merganser
