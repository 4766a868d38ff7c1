#include "coordinator/scheduler/scheduler.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace merganser {

Scheduler::Scheduler(const Clock& clock, SchedulerOptions options)
    : clock_(clock), options_(options) {}

// --- Workers.

void Scheduler::AddWorker(const std::string& session,
                          const std::string& worker_id, int capacity) {
  auto [it, added] = workers_.try_emplace(session);
  Worker& worker = it->second;
  worker.capacity = std::max(1, capacity);
  if (!added) return Touch(session);
  worker.worker_id = worker_id;
  worker.last_heard = clock_.Now();
  by_last_heard_.emplace(worker.last_heard, session);
}

bool Scheduler::HasWorker(const std::string& session) const {
  return workers_.contains(session);
}

void Scheduler::Touch(const std::string& session) {
  Worker* worker = FindWorker(session);
  if (worker == nullptr) return;
  by_last_heard_.erase({worker->last_heard, session});
  worker->last_heard = clock_.Now();
  by_last_heard_.emplace(worker->last_heard, session);
}

void Scheduler::SetReady(const std::string& session,
                         const std::string& campaign_uid, bool ready) {
  Worker* worker = FindWorker(session);
  if (worker == nullptr || worker->ready.contains(campaign_uid) == ready) {
    return;
  }
  MarkReady(*worker, campaign_uid, ready);
}

void Scheduler::MarkReady(Worker& worker, const std::string& campaign_uid,
                          bool ready) {
  Campaign& campaign = GetOrAddCampaign(campaign_uid);
  if (ready) {
    worker.ready.insert(campaign_uid);
    ++campaign.ready_sessions;
    ++campaign.ready_workers[worker.worker_id];
    return;
  }
  worker.ready.erase(campaign_uid);
  --campaign.ready_sessions;
  auto it = campaign.ready_workers.find(worker.worker_id);
  if (--it->second == 0) campaign.ready_workers.erase(it);
}

RemovalResult Scheduler::RemoveWorker(const std::string& session,
                                      RemovalReason reason) {
  RemovalResult result;
  Worker* worker = FindWorker(session);
  if (worker == nullptr) return result;
  const std::set<std::string> ready = worker->ready;
  for (const std::string& uid : ready) MarkReady(*worker, uid, false);
  DropReservation(session, *worker);
  const std::set<JobKey> leased = worker->leased;
  for (const JobKey& key : leased) {
    if (reason == RemovalReason::kDied) RecordDeath(*worker, *FindJob(key));
    std::optional<std::string> verdict = Requeue(key);
    if (verdict.has_value()) {
      result.quarantined.push_back({key, *std::move(verdict)});
    } else {
      result.requeued.push_back(key);
    }
  }
  by_last_heard_.erase({worker->last_heard, session});
  workers_.erase(session);
  return result;
}

void Scheduler::RecordDeath(const Worker& worker, OpenJob& job) {
  switch (job.report) {
    case LeaseReport::kExecuting:
      return job.attempts.RecordDeath(worker.worker_id, worker.alone);
    case LeaseReport::kNone:
      return job.attempts.RecordUnreportedDeath(worker.worker_id, worker.alone);
    case LeaseReport::kWaiting:
      return;
  }
}

// --- Jobs.

bool Scheduler::AddJob(const JobKey& job) {
  return GetOrAddCampaign(job.campaign_uid).jobs.Add(job, clock_.Now());
}

bool Scheduler::Complete(const JobKey& job) {
  if (!IsOpen(job)) return false;
  Release(job);
  campaigns_.at(job.campaign_uid).jobs.Erase(job);
  return true;
}

bool Scheduler::IsOpen(const JobKey& job) const {
  auto it = campaigns_.find(job.campaign_uid);
  return it != campaigns_.end() && it->second.jobs.Find(job) != nullptr;
}

bool Scheduler::IsLeasedTo(const std::string& session,
                           const JobKey& job) const {
  const auto worker = workers_.find(session);
  return worker != workers_.end() && worker->second.leased.contains(job);
}

void Scheduler::RemoveCampaign(const std::string& campaign_uid) {
  if (!campaigns_.contains(campaign_uid)) return;
  for (auto& [session, worker] : workers_) {
    worker.ready.erase(campaign_uid);
    std::erase_if(worker.leased, [&](const JobKey& key) {
      return key.campaign_uid == campaign_uid;
    });
    if (worker.leased.empty()) worker.alone = false;
  }
  campaigns_.erase(campaign_uid);
}

void Scheduler::SetPaused(const std::string& campaign_uid, bool paused) {
  if (!paused && !campaigns_.contains(campaign_uid)) return;
  GetOrAddCampaign(campaign_uid).paused = paused;
}

// --- Time.

TickResult Scheduler::Tick() {
  TickResult result;
  while (!by_last_heard_.empty() && *NextDeadline() <= clock_.Now()) {
    const std::string session = by_last_heard_.begin()->second;
    result.lost.push_back({session, workers_.at(session).worker_id});
    RemovalResult removed = RemoveWorker(session, RemovalReason::kDied);
    std::move(removed.requeued.begin(), removed.requeued.end(),
              std::back_inserter(result.requeued));
    std::move(removed.quarantined.begin(), removed.quarantined.end(),
              std::back_inserter(result.quarantined));
  }
  return result;
}

std::optional<absl::Time> Scheduler::NextDeadline() const {
  if (by_last_heard_.empty()) return std::nullopt;
  return by_last_heard_.begin()->first + options_.worker_timeout;
}

// --- What the parts above and the leases share.

Scheduler::Campaign& Scheduler::GetOrAddCampaign(
    const std::string& campaign_uid) {
  return campaigns_.try_emplace(campaign_uid, options_).first->second;
}

OpenJob* Scheduler::FindJob(const JobKey& key) {
  auto it = campaigns_.find(key.campaign_uid);
  return it == campaigns_.end() ? nullptr : it->second.jobs.Find(key);
}

Scheduler::Worker* Scheduler::FindWorker(const std::string& session) {
  auto it = workers_.find(session);
  return it == workers_.end() ? nullptr : &it->second;
}

void Scheduler::Release(const JobKey& key) {
  Worker* worker = FindWorker(FindJob(key)->session);
  if (worker == nullptr) return;
  worker->leased.erase(key);
  if (worker->leased.empty()) worker->alone = false;
}

std::optional<std::string> Scheduler::Requeue(const JobKey& key) {
  Release(key);
  CampaignJobs& jobs = campaigns_.at(key.campaign_uid).jobs;
  std::optional<std::string> verdict =
      jobs.Find(key)->attempts.QuarantineReason(options_.attempts);
  if (verdict.has_value()) {
    jobs.Erase(key);
  } else {
    jobs.MarkQueued(key, clock_.Now());
  }
  return verdict;
}

}  // namespace merganser
