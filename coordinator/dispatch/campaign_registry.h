// All campaigns of a coordinator, and the way of their changes to the store.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/telemetry/metrics.h"
#include "coordinator/campaign/campaign_runner.h"
#include "coordinator/dispatch/event_loop.h"
#include "coordinator/dispatch/task_pool.h"
#include "coordinator/scheduler/scheduler.h"
#include "coordinator/store/campaign_store.h"

namespace merganser {

// What is counted of commits, each attempt by itself.
struct CommitMetrics {
  Histogram duration;    // seconds
  Histogram batch_size;  // writes and appends
  Counter failures;
};

// A campaign and where its commits stand.
struct CampaignEntry {
  std::unique_ptr<CampaignRunner> runner;
  // Of the last commit that is known to be stored.
  int64_t revision = 0;
  bool committing = false;
  // Number of the last commit begun, counted in this process.
  int64_t commits_begun = 0;
  struct Waiter {
    int64_t commit = 0;  // runs when this commit is stored
    std::function<void()> run;
  };
  std::vector<Waiter> waiters;
  // Why commits are being repeated; empty while they succeed.
  std::string stall;
  // As of the last call of Changed.
  bool ended = false;
  // It is on its way out of the store: nothing of it changes any more.
  bool deleting = false;
};

// State changes in memory first; CampaignRunner decides, and a commit carries
// to the store whatever changed while the commit before it ran. Who must not
// speak before a change is stored waits with WhenStored.
// Threads: the loop's, except LoadAll, which runs before the loop does.
class CampaignRegistry {
 public:
  struct Dependencies {
    EventLoop& loop;
    TaskPool& pool;
    CampaignStore& store;
    Scheduler& scheduler;
    const Clock& clock;
    // Of this owner of the store.
    uint64_t epoch = 0;
    CommitMetrics metrics;
    // Where weights are kept; 0: as much as they take.
    int64_t blob_room_bytes = 0;
    // The store says that another coordinator owns it, or a campaign: this one
    // must end. Called once, on the loop.
    std::function<void(absl::Status)> on_lost_ownership;
    // Something that workers wait for may have happened.
    std::function<void()> on_change;
  };
  explicit CampaignRegistry(Dependencies dependencies)
      : dependencies_(std::move(dependencies)) {}

  // Claims and restores every stored campaign. One that cannot be read does
  // not stop the others: it is answered with its error from then on.
  // Errors: those of the store.
  absl::Status LoadAll();

  // Errors, given to `done`: AlreadyExists; those of CampaignRunner::Create and
  // of the store.
  void Create(const std::string& request_id, const v1::CampaignSpec& spec,
              std::function<void(absl::StatusOr<CampaignEntry*>)> done);
  // Errors, given to `done`: NotFound; FailedPrecondition while it runs.
  void Delete(const std::string& name, std::function<void(absl::Status)> done);

  // Errors: NotFound; DataLoss for a campaign that could not be read.
  absl::StatusOr<CampaignEntry*> Find(const std::string& name);
  // Nullptr if there is none.
  CampaignEntry* FindUid(const std::string& uid);
  // By name.
  const std::map<std::string, CampaignEntry>& entries() const {
    return entries_;
  }
  // Grows whenever a campaign appears, ends, goes on or goes away.
  int64_t generation() const { return generation_; }

  // To be called after every change to a runner: passes its new jobs to the
  // scheduler and its writes to the store.
  void Changed(CampaignEntry& entry);
  // Runs `run` on the loop once all changes made so far are stored; at once,
  // if they are.
  void WhenStored(CampaignEntry& entry, std::function<void()> run);
  // Begins no further retries of commits that fail: the process is ending.
  void StopRetrying() { stopping_ = true; }
  // No change waits for the store.
  bool quiet() const;
  // There are campaigns in the store of which nothing is known.
  bool has_unreadable() const { return !unreadable_.empty(); }
  // The store is another coordinator's.
  bool lost_ownership() const { return lost_ownership_; }

 private:
  // Blocks.
  absl::Status LoadOne(const std::string& name);
  void Adopt(std::unique_ptr<CampaignRunner> runner, int64_t revision);
  // Block until it is known what became of the write.
  absl::Status CreateUntilKnown(const std::string& name, const Batch& batch);
  absl::Status DeleteUntilKnown(const std::string& name);
  void StartDelete(const std::string& name, const std::string& uid,
                   std::function<void(absl::Status)> done);
  // Errors: InvalidArgument for a campaign whose weights cannot all be kept.
  absl::Status CheckRoom(const CampaignRunner& runner) const;
  void FinishCreate(std::unique_ptr<CampaignRunner> runner, absl::Status status,
                    std::function<void(absl::StatusOr<CampaignEntry*>)> done);
  void Commit(CampaignEntry& entry);
  void CommitDone(const std::string& name, absl::Status status);
  void CommitStalled(const std::string& name, const absl::Status& status);
  // One attempt, counted.
  absl::Status CommitOnce(const std::string& name, int64_t revision,
                          const Batch& batch);
  // Blocks until it is known whether the batch is stored.
  absl::Status CommitUntilKnown(const std::string& name, int64_t revision,
                                const Batch& batch);

  Dependencies dependencies_;
  std::map<std::string, CampaignEntry> entries_;
  std::map<std::string, std::string> names_;        // by uid
  std::map<std::string, absl::Status> unreadable_;  // by name
  std::map<std::string, std::string> creating_;     // name → request
  int64_t generation_ = 0;
  std::atomic<bool> stopping_ = false;
  bool lost_ownership_ = false;
};

}  // namespace merganser
