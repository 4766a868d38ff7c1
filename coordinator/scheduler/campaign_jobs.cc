#include "coordinator/scheduler/campaign_jobs.h"

#include <algorithm>
#include <vector>

namespace merganser {

OpenJob* CampaignJobs::Find(const JobKey& key) {
  auto it = jobs_.find(key);
  return it == jobs_.end() ? nullptr : &it->second;
}

const OpenJob* CampaignJobs::Find(const JobKey& key) const {
  auto it = jobs_.find(key);
  return it == jobs_.end() ? nullptr : &it->second;
}

bool CampaignJobs::Add(const JobKey& key, absl::Time now) {
  auto [it, added] = jobs_.try_emplace(key);
  if (!added) return false;
  it->second.queued_since = now;
  untried_.insert(key);
  return true;
}

void CampaignJobs::Erase(const JobKey& key) {
  jobs_.erase(key);
  untried_.erase(key);
  failed_.erase(key);
}

void CampaignJobs::MarkLeased(const JobKey& key, const std::string& session,
                              int64_t call) {
  OpenJob& job = jobs_.at(key);
  job.session = session;
  job.call = call;
  job.report = LeaseReport::kNone;
  job.reserved_for.clear();
  untried_.erase(key);
  failed_.erase(key);
}

void CampaignJobs::MarkQueued(const JobKey& key, absl::Time now) {
  OpenJob& job = jobs_.at(key);
  job.session.clear();
  job.queued_since = now;
  (job.attempts.any() ? failed_ : untried_).insert(key);
}

const JobKey* CampaignJobs::Next(const Asker& asker) const {
  const JobKey* next = untried_.empty() ? nullptr : &*untried_.begin();
  int seen = 0;
  for (const JobKey& key : failed_) {
    if (++seen > kMaxFailedJobsSeen) break;
    if (next != nullptr && *next < key) break;
    if (Suits(jobs_.at(key), asker)) return &key;
  }
  return next;
}

bool CampaignJobs::Suits(const OpenJob& job, const Asker& asker) const {
  const bool reserved_for_another =
      !job.reserved_for.empty() && job.reserved_for != asker.session;
  if (reserved_for_another && !asker.holds_nothing) return false;
  if (asker.now - job.queued_since >= other_worker_patience_) return true;
  return !BetterElsewhere(job, asker);
}

bool CampaignJobs::BetterElsewhere(const OpenJob& job,
                                   const Asker& asker) const {
  const std::vector<std::string> avoided = job.attempts.WorkersToAvoid(limits_);
  if (std::find(avoided.begin(), avoided.end(), asker.worker_id) ==
      avoided.end()) {
    return false;
  }
  size_t avoided_ready = 0;
  for (const std::string& worker_id : avoided) {
    avoided_ready += asker.ready_workers.count(worker_id);
  }
  return asker.ready_workers.size() > avoided_ready;
}

}  // namespace merganser
