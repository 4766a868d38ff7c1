// What workers say to the scheduler, and what they are given.
#include <algorithm>
#include <cmath>
#include <tuple>

#include "coordinator/scheduler/scheduler.h"

namespace merganser {
namespace {

// Sums of a few quotients: what is above a whole number by less than this is
// rounding.
constexpr double kShareRounding = 1e-9;

}  // namespace

std::vector<JobKey> Scheduler::Lease(const std::string& session, int wanted,
                                     int64_t call) {
  std::vector<JobKey> given;
  Worker* worker = FindWorker(session);
  if (worker == nullptr || worker->alone || wanted < 1) return given;
  if (ReservationStands(session, *worker)) {
    if (!worker->leased.empty()) return given;
    given.push_back(*worker->reserved);
    Grant(session, *worker, given.back(), call);
    return given;
  }
  DropReservation(session, *worker);
  const int64_t allowance = Allowance(*worker, wanted);
  while (static_cast<int64_t>(given.size()) < allowance && !worker->alone) {
    std::optional<JobKey> key = PickJob(session, *worker);
    if (!key.has_value()) break;
    OpenJob& job = *FindJob(*key);
    if (RunsAlone(*key, job) && !worker->leased.empty()) {
      job.reserved_for = session;
      worker->reserved = *key;
      break;
    }
    Grant(session, *worker, *key, call);
    given.push_back(*std::move(key));
  }
  return given;
}

int64_t Scheduler::Allowance(const Worker& worker, int wanted) const {
  double share = 0;
  for (const std::string& uid : worker.ready) {
    const Campaign& campaign = campaigns_.at(uid);
    const int64_t open =
        campaign.jobs.leased() + (campaign.paused ? 0 : campaign.jobs.queued());
    share += static_cast<double>(open) /
             static_cast<double>(campaign.ready_sessions);
  }
  const int64_t fair_share = std::max<int64_t>(
      1, static_cast<int64_t>(std::ceil(share - kShareRounding)));
  const int64_t held = static_cast<int64_t>(worker.leased.size());
  return std::min<int64_t>(
      wanted, std::min<int64_t>(worker.capacity, fair_share) - held);
}

std::optional<JobKey> Scheduler::PickJob(const std::string& session,
                                         const Worker& worker) {
  Campaign* best = nullptr;
  const JobKey* best_job = nullptr;
  const auto turn = [](const Campaign& campaign) {
    return std::make_tuple(campaign.jobs.leased(), campaign.last_served);
  };
  for (const std::string& uid : worker.ready) {
    Campaign& campaign = campaigns_.at(uid);
    if (campaign.paused) continue;
    if (best != nullptr && turn(*best) <= turn(campaign)) continue;
    const JobKey* job =
        campaign.jobs.Next({session, worker.worker_id, worker.leased.empty(),
                            campaign.ready_workers, clock_.Now()});
    if (job == nullptr) continue;
    best = &campaign;
    best_job = job;
  }
  if (best == nullptr) return std::nullopt;
  return *best_job;
}

void Scheduler::Grant(const std::string& session, Worker& worker,
                      const JobKey& key, int64_t call) {
  Campaign& campaign = campaigns_.at(key.campaign_uid);
  worker.alone = RunsAlone(key, *campaign.jobs.Find(key));
  worker.leased.insert(key);
  campaign.jobs.MarkLeased(key, session, call);
  campaign.last_served = ++served_;
}

bool Scheduler::RunsAlone(const JobKey& key, const OpenJob& job) const {
  return campaigns_.at(key.campaign_uid).jobs.RunsAlone(job);
}

bool Scheduler::ReservationStands(const std::string& session,
                                  const Worker& worker) {
  if (!worker.reserved.has_value()) return false;
  const OpenJob* job = FindJob(*worker.reserved);
  const std::string& uid = worker.reserved->campaign_uid;
  return job != nullptr && job->reserved_for == session &&
         worker.ready.contains(uid) && !campaigns_.at(uid).paused;
}

void Scheduler::DropReservation(const std::string& session, Worker& worker) {
  if (!worker.reserved.has_value()) return;
  OpenJob* job = FindJob(*worker.reserved);
  if (job != nullptr && job->reserved_for == session) job->reserved_for.clear();
  worker.reserved.reset();
}

void Scheduler::HandBack(const std::string& session, const JobKey& job) {
  if (LeasedTo(session, job) != nullptr) Requeue(job);
}

FailureOutcome Scheduler::Fail(const std::string& session, const JobKey& job,
                               const std::string& error) {
  OpenJob* failed = LeasedTo(session, job);
  if (failed == nullptr) return {FailureEffect::kIgnored, ""};
  failed->attempts.RecordError(workers_.at(session).worker_id, error);
  std::optional<std::string> verdict = Requeue(job);
  if (!verdict.has_value()) return {FailureEffect::kRequeued, ""};
  return {FailureEffect::kQuarantined, *std::move(verdict)};
}

OpenJob* Scheduler::LeasedTo(const std::string& session, const JobKey& key) {
  OpenJob* job = FindJob(key);
  if (job == nullptr || session.empty() || job->session != session) {
    return nullptr;
  }
  return job;
}

ReconcileResult Scheduler::Reconcile(const std::string& session,
                                     const std::vector<HeldJob>& held,
                                     int64_t answered_call) {
  ReconcileResult result;
  std::map<JobKey, bool> executing;
  for (const HeldJob& job : held) executing[job.job] |= job.executing;
  Worker* worker = FindWorker(session);
  if (worker != nullptr) {
    const std::set<JobKey> leased = worker->leased;
    for (const JobKey& key : leased) {
      if (FindJob(key)->call > answered_call || executing.contains(key)) {
        continue;
      }
      Requeue(key);
      result.requeued.push_back(key);
    }
  }
  for (const auto& [key, executes] : executing) {
    if (LeasedTo(session, key) == nullptr) {
      const bool adopted =
          worker != nullptr &&
          Adopt(session, *worker, key, executing.size(), answered_call);
      (adopted ? result.adopted : result.stop).push_back(key);
      if (!adopted) continue;
    }
    FindJob(key)->report =
        executes ? LeaseReport::kExecuting : LeaseReport::kWaiting;
  }
  return result;
}

bool Scheduler::Adopt(const std::string& session, Worker& worker,
                      const JobKey& key, size_t held_count, int64_t call) {
  const OpenJob* job = FindJob(key);
  if (job == nullptr || !job->session.empty() || worker.alone) return false;
  if (RunsAlone(key, *job) && (held_count > 1 || !worker.leased.empty())) {
    return false;
  }
  Grant(session, worker, key, call);
  return true;
}

}  // namespace merganser
