// The open jobs of one campaign, and which of them a worker would get next.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "coordinator/scheduler/attempts.h"
#include "coordinator/scheduler/job_key.h"

namespace merganser {

// What the worker last said of a job leased to it.
enum class LeaseReport {
  kNone,       // nothing yet
  kWaiting,    // it holds the job
  kExecuting,  // it executes the job
};

struct OpenJob {
  Attempts attempts;
  // Session that it is leased to; empty: queued.
  std::string session;
  // Of a leased job: number of the worker's call that was answered with it.
  int64_t call = 0;
  LeaseReport report = LeaseReport::kNone;
  // Of a queued job.
  absl::Time queued_since;
  // Of a queued job that must run alone: session that empties itself for it.
  std::string reserved_for;
};

// Who asks for a job.
struct Asker {
  const std::string& session;
  const std::string& worker_id;
  bool holds_nothing;
  // Ready sessions of each worker id that may be given the campaign's jobs.
  const std::map<std::string, int>& ready_workers;
  absl::Time now;
};

// Threads: none; the scheduler owns it.
class CampaignJobs {
 public:
  CampaignJobs(const AttemptLimits& limits,
               absl::Duration other_worker_patience)
      : limits_(limits), other_worker_patience_(other_worker_patience) {}

  // Nullptr if it is not open. The scheduler changes attempts, report and
  // reserved_for through it.
  OpenJob* Find(const JobKey& key);
  const OpenJob* Find(const JobKey& key) const;
  // False, and nothing changes, if it is open already.
  bool Add(const JobKey& key, absl::Time now);
  // The rest take an open job.
  void Erase(const JobKey& key);
  void MarkLeased(const JobKey& key, const std::string& session, int64_t call);
  void MarkQueued(const JobKey& key, absl::Time now);
  bool RunsAlone(const OpenJob& job) const {
    return job.attempts.RunsAlone(limits_);
  }

  // The first queued job, in the order of JobKey, that the worker may be given
  // and had not better leave to others; nullptr if none. Valid until the next
  // change. Looks at no more than kMaxFailedJobsSeen jobs that ever failed.
  const JobKey* Next(const Asker& asker) const;

  int64_t queued() const {
    return static_cast<int64_t>(untried_.size() + failed_.size());
  }
  int64_t leased() const {
    return static_cast<int64_t>(jobs_.size()) - queued();
  }

  static constexpr int kMaxFailedJobsSeen = 64;

 private:
  bool Suits(const OpenJob& job, const Asker& asker) const;
  bool BetterElsewhere(const OpenJob& job, const Asker& asker) const;

  const AttemptLimits limits_;
  const absl::Duration other_worker_patience_;
  std::map<JobKey, OpenJob> jobs_;
  // The queued jobs: those without a failure so far, any worker's …
  std::set<JobKey> untried_;
  // … and those that are choosy about theirs.
  std::set<JobKey> failed_;
};

}  // namespace merganser
