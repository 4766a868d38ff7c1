// Who runs which job: leases, attempts, liveness (DESIGN.md sections 5 and 8).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "coordinator/scheduler/attempts.h"
#include "coordinator/scheduler/campaign_jobs.h"
#include "coordinator/scheduler/job_key.h"

namespace merganser {

struct SchedulerOptions {
  // A worker that was not heard of for so long is lost: at the deadline, not
  // before it.
  absl::Duration worker_timeout = absl::Seconds(10);
  // A job that failed is kept for workers on which it did not fail while one
  // of those is ready, but at most for so long; then anybody may take it.
  absl::Duration other_worker_patience = absl::Seconds(30);
  AttemptLimits attempts;
};

enum class RemovalReason {
  kLeft,  // hands everything back; costs no attempt
  kDied,  // counts against the jobs that were executing
};

struct QuarantinedJob {
  JobKey job;
  std::string reason;  // for a person; names the workers and the last error
};

// What became of the jobs of workers that are gone.
struct RemovalResult {
  std::vector<JobKey> requeued;
  std::vector<QuarantinedJob> quarantined;  // no longer known to the scheduler
};

struct LostWorker {
  std::string session;
  std::string worker_id;
};

struct TickResult {
  std::vector<LostWorker> lost;
  std::vector<JobKey> requeued;
  std::vector<QuarantinedJob> quarantined;
};

enum class FailureEffect {
  kRequeued,
  kQuarantined,  // no longer known to the scheduler: apply it as dropped
  kIgnored,      // the job was not leased to that session: nothing changed
};

struct FailureOutcome {
  FailureEffect effect = FailureEffect::kIgnored;
  std::string reason;  // of a quarantine, for a person; else empty
};

struct HeldJob {
  JobKey job;
  bool executing = false;
};

struct ReconcileResult {
  // Leased to the worker, but it does not hold them: queued again, at no cost.
  std::vector<JobKey> requeued;
  // It holds them, but they are not its to run: tell it to stop them.
  std::vector<JobKey> stop;
  // It holds them and they were waiting for a worker: leased to it now.
  std::vector<JobKey> adopted;
};

struct WorkerSnapshot {
  std::string session;
  std::string worker_id;
  int capacity = 0;
  absl::Time last_heard;
  std::vector<JobKey> leased;     // ascending
  std::vector<JobKey> executing;  // those of `leased` that it said it executes
  bool alone = false;             // runs a job that must run alone
};

struct CampaignSnapshot {
  std::string campaign_uid;
  bool paused = false;
  int64_t queued = 0;
  int64_t leased = 0;
  int64_t ready_workers = 0;
};

// A job is open from AddJob until Complete, a quarantine or RemoveCampaign,
// and meanwhile either queued or leased to exactly one session:
//
//     AddJob ─► queued ─ Lease, adopted by Reconcile ─► leased ─► Complete
//                 ▲                                       │
//                 └─ hand-back, lost answer, worker left ─┤  costs nothing
//                 └─ death, error ────────────────────────┤  counted
//                                                         └► quarantined
//
// A lease has no term of its own: it lasts while its worker is heard of and
// says that it holds the job. Nothing here is stored; after a restart of the
// coordinator the open jobs are added again and workers' reports adopt them.
//
// Choice of the next job, one at a time: the campaign with the fewest leased
// jobs among those that the worker is ready for (ties: least recently served);
// inside it by kind, then the oldest candidate. A worker is given at most its
// capacity and at most its fair share, max(1, ceil(sum over its campaigns of
// open jobs / ready workers)), what it holds already included.
//
// A job that must run alone goes to a worker that holds nothing, which gets
// nothing else meanwhile. If the worker whose turn it is holds others, the job
// is reserved for it and it gets no more until it is empty; an empty worker
// that asks earlier takes the job.
//
// Session ids are unique over time. An unknown session or campaign is never an
// error: calls about it change nothing (a campaign is made known by AddJob,
// SetReady(true) or SetPaused(true)).
// Cost: Lease is O(jobs given × campaigns of the worker × log jobs).
// Threads: none; its owner holds a lock around each call.
class Scheduler {
 public:
  // Borrows the clock.
  Scheduler(const Clock& clock, SchedulerOptions options);

  // --- Workers.

  // `worker_id` stays the same when the worker begins another session: failures
  // on two workers means two ids. `capacity`: jobs held at once, at least 1.
  // A known session only gets the new capacity. Counts as a sign of life.
  void AddWorker(const std::string& session, const std::string& worker_id,
                 int capacity);
  bool HasWorker(const std::string& session) const;
  // Any sign of life.
  void Touch(const std::string& session);
  // Whether the worker may be given jobs of the campaign; at first it may not.
  // What it holds stays with it.
  void SetReady(const std::string& session, const std::string& campaign_uid,
                bool ready);
  RemovalResult RemoveWorker(const std::string& session, RemovalReason reason);

  // --- Jobs.

  // False, and nothing changes, if the job is open already.
  bool AddJob(const JobKey& job);
  // The job needs no worker any more, whoever did it; also call it when its
  // result was received and is being stored, before the worker's next
  // Reconcile. False if it is not open. Its failures are forgotten.
  bool Complete(const JobKey& job);
  bool IsOpen(const JobKey& job) const;
  bool IsLeasedTo(const std::string& session, const JobKey& job) const;
  // All its jobs are forgotten; workers that hold some are told to stop them
  // at their next Reconcile.
  void RemoveCampaign(const std::string& campaign_uid);
  // No further jobs of a paused campaign are leased; what is leased goes on.
  void SetPaused(const std::string& campaign_uid, bool paused);

  // --- What workers say.

  // At most `wanted` jobs for the worker, in the order in which to run them.
  // `call`: number of the worker's call that this answers; see Reconcile.
  std::vector<JobKey> Lease(const std::string& session, int wanted,
                            int64_t call);
  // The worker gives the job back untouched; costs no attempt. Ignored unless
  // it is leased to the session.
  void HandBack(const std::string& session, const JobKey& job);
  // The job itself failed on the worker (its fault or the worker's, which is
  // why it is tried elsewhere).
  FailureOutcome Fail(const std::string& session, const JobKey& job,
                      const std::string& error);
  // `held`: all jobs that the worker holds, after whatever else it reported in
  // the same call was passed on by Complete, HandBack and Fail.
  //
  // `answered_call`: the last call whose answer the worker had received, or
  // given up for good, when it drew up `held`. For a worker that makes one
  // call at a time and counts them, that is the number of this call less 1.
  // Jobs leased in answer to later calls are not judged, since the worker may
  // not know of them yet; those leased up to it and not held have been lost on
  // the way and are queued again, at no cost. A repeated call is answered from
  // the caller's memory and must not come here again.
  //
  // A held job that is queued is adopted, unless it must run alone and the
  // worker holds others.
  ReconcileResult Reconcile(const std::string& session,
                            const std::vector<HeldJob>& held,
                            int64_t answered_call);

  // --- Time.

  // Removes the workers that were not heard of for worker_timeout, as died.
  TickResult Tick();
  // When Tick will next find a lost worker if none is heard of until then;
  // nullopt without workers.
  std::optional<absl::Time> NextDeadline() const;

  // --- Views, ascending by session and campaign.

  std::vector<WorkerSnapshot> Workers() const;
  std::vector<CampaignSnapshot> Campaigns() const;

 private:
  struct Worker {
    std::string worker_id;
    int capacity = 1;
    absl::Time last_heard;
    std::set<std::string> ready;  // campaigns
    std::set<JobKey> leased;
    bool alone = false;              // its one job must run alone
    std::optional<JobKey> reserved;  // it drains for this one
  };

  struct Campaign {
    explicit Campaign(const SchedulerOptions& options)
        : jobs(options.attempts, options.other_worker_patience) {}
    CampaignJobs jobs;
    bool paused = false;
    int64_t ready_sessions = 0;
    // Ready sessions of each worker id.
    std::map<std::string, int> ready_workers;
    uint64_t last_served = 0;
  };

  Campaign& GetOrAddCampaign(const std::string& campaign_uid);
  Worker* FindWorker(const std::string& session);
  OpenJob* FindJob(const JobKey& key);
  // Nullptr unless it is leased to the session.
  OpenJob* LeasedTo(const std::string& session, const JobKey& key);
  bool RunsAlone(const JobKey& key, const OpenJob& job) const;
  void MarkReady(Worker& worker, const std::string& campaign_uid, bool ready);
  static void RecordDeath(const Worker& worker, OpenJob& job);

  // How many jobs more the worker may be given; not positive if none.
  int64_t Allowance(const Worker& worker, int wanted) const;
  std::optional<JobKey> PickJob(const std::string& session,
                                const Worker& worker);
  void Grant(const std::string& session, Worker& worker, const JobKey& key,
             int64_t call);
  bool Adopt(const std::string& session, Worker& worker, const JobKey& key,
             size_t held_count, int64_t call);
  bool ReservationStands(const std::string& session, const Worker& worker);
  void DropReservation(const std::string& session, Worker& worker);
  // Takes an open job from its worker, if it has one.
  void Release(const JobKey& key);
  // Puts a leased job back into the queue or, returning why, quarantines it.
  std::optional<std::string> Requeue(const JobKey& key);

  const Clock& clock_;
  const SchedulerOptions options_;
  std::map<std::string, Worker> workers_;      // by session
  std::map<std::string, Campaign> campaigns_;  // by uid
  std::set<std::pair<absl::Time, std::string>> by_last_heard_;
  uint64_t served_ = 0;  // leases granted so far: the clock of last_served
};

}  // namespace merganser
