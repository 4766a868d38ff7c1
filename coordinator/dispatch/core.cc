#include "coordinator/dispatch/core.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/base/status_macros.h"

namespace merganser {

absl::StatusOr<std::unique_ptr<Core>> Core::Start(CampaignStore& store,
                                                  const Clock& clock,
                                                  Options options) {
  std::unique_ptr<Core> core(new Core(store, clock, std::move(options)));
  RETURN_IF_ERROR(core->registry_.LoadAll());
  core->thread_ = std::thread([loop = &core->loop_] { loop->Run(); });
  return core;
}

namespace {

WorkerDesk::Options DeskOptions(const Core::Options& options) {
  WorkerDesk::Options desk = options.desk;
  if (options.blobs == nullptr) return desk;
  desk.is_stored = [blobs = options.blobs](const Digest& digest) {
    return blobs->Has(digest);
  };
  desk.blob_shortage = [blobs = options.blobs]() -> std::string {
    const int64_t taken = blobs->total_bytes();
    if (taken < blobs->max_bytes() / 10 * 9) return "";
    return absl::StrCat("the coordinator's room for weights is nearly full, ",
                        taken, " of ", blobs->max_bytes(),
                        " bytes; start it with a larger --blob-gib");
  };
  return desk;
}

}  // namespace

Core::Core(CampaignStore& store, const Clock& clock, Options options)
    : store_(store),
      loop_(clock),
      pool_(std::make_unique<TaskPool>(options.store_threads)),
      scheduler_(clock, SchedulerOptions{.worker_timeout =
                                             options.desk.worker_timeout}),
      registry_({.loop = loop_,
                 .pool = *pool_,
                 .store = store,
                 .scheduler = scheduler_,
                 .clock = clock,
                 .epoch = options.epoch,
                 .metrics = options.commits,
                 .blob_room_bytes =
                     options.blobs == nullptr ? 0 : options.blobs->max_bytes(),
                 .on_lost_ownership = std::move(options.on_lost_ownership),
                 .on_change = [this] { desk_.Wake(); }}),
      desk_(loop_, registry_, scheduler_, clock, DeskOptions(options)) {
  if (options.blobs != nullptr) {
    keeper_.emplace(loop_, *pool_, registry_, *options.blobs, clock,
                    options.keeper);
  }
}

Core::~Core() {
  if (thread_.joinable()) {
    loop_.Post([this] { desk_.Close(); });
    const absl::Time give_up = absl::Now() + kFlush;
    bool quiet = false;
    while (!quiet && absl::Now() < give_up) {
      absl::Notification asked;
      loop_.Post([&] {
        quiet = registry_.quiet();
        asked.Notify();
      });
      asked.WaitForNotification();
      if (!quiet) absl::SleepFor(absl::Milliseconds(5));
    }
    if (keeper_.has_value()) {
      // What an ended campaign has left must not stay until the next start.
      absl::Notification swept;
      loop_.Post([&] {
        keeper_->Sweep();
        swept.Notify();
      });
      swept.WaitForNotification();
    }
    registry_.StopRetrying();
    loop_.Stop();
    thread_.join();
  }
  registry_.StopRetrying();
  // Its tasks post to the loop, which drops what comes now.
  pool_.reset();
}

}  // namespace merganser
