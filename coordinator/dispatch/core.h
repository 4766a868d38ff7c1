// The parts of an active coordinator, put together.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/storage/blob_store.h"
#include "coordinator/dispatch/blob_keeper.h"
#include "coordinator/dispatch/campaign_registry.h"
#include "coordinator/dispatch/event_loop.h"
#include "coordinator/dispatch/task_pool.h"
#include "coordinator/dispatch/worker_desk.h"
#include "coordinator/scheduler/scheduler.h"
#include "coordinator/store/campaign_store.h"

namespace merganser {

// Everything below is touched by the loop's thread alone; the store by the
// pool's threads.
class Core {
 public:
  struct Options {
    uint64_t epoch = 0;
    WorkerDesk::Options desk;
    // Threads that wait for the store: campaigns that commit at one time.
    int store_threads = 8;
    // Where candidates' weights are, borrowed; null: no campaign's are
    // collected.
    BlobStore* blobs = nullptr;
    BlobKeeper::Options keeper;
    CommitMetrics commits;
    // Called once, on the loop, when the store is another coordinator's.
    std::function<void(absl::Status)> on_lost_ownership;
  };

  // Takes up all campaigns of the store and starts the loop. Borrows store and
  // clock.
  // Errors: those of CampaignRegistry::LoadAll.
  static absl::StatusOr<std::unique_ptr<Core>> Start(CampaignStore& store,
                                                     const Clock& clock,
                                                     Options options);
  // Answers what waits, gives commits that are under way `kFlush` to finish,
  // and stops the loop.
  ~Core();

  EventLoop& loop() { return loop_; }
  TaskPool& pool() { return *pool_; }
  CampaignStore& store() { return store_; }
  CampaignRegistry& registry() { return registry_; }
  WorkerDesk& desk() { return desk_; }
  const Scheduler& scheduler() const { return scheduler_; }
  // Nullptr without blobs.
  BlobKeeper* keeper() { return keeper_.has_value() ? &*keeper_ : nullptr; }

 private:
  Core(CampaignStore& store, const Clock& clock, Options options);

  static constexpr absl::Duration kFlush = absl::Seconds(5);

  CampaignStore& store_;
  EventLoop loop_;
  std::unique_ptr<TaskPool> pool_;
  Scheduler scheduler_;
  CampaignRegistry registry_;
  WorkerDesk desk_;
  std::optional<BlobKeeper> keeper_;
  std::thread thread_;
};

}  // namespace merganser
