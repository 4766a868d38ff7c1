// Which of several coordinators of one store is the active one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "coordinator/store/campaign_store.h"

namespace merganser {

// The owner moves a counter in the store; who finds it unmoved for
// `owner_timeout` on its own monotonic clock takes over with a new random
// epoch, and the store refuses the old owner's writes from then on. An owner
// that ends in order gives the store free, so that nobody waits.
// Threads: one calls the methods; the object has a thread of its own.
class Leadership {
 public:
  struct Options {
    // Where clients reach this coordinator; must not be empty.
    std::string address;
    // 0 = take over at once; for who knows that no other coordinator lives.
    absl::Duration owner_timeout = absl::Seconds(6);
  };

  // Borrows store and clock.
  Leadership(CampaignStore& store, const Clock& clock, Options options)
      : store_(store), clock_(clock), options_(std::move(options)) {}
  // Ends the thread; does not give the store free.
  ~Leadership();

  // Blocks until this coordinator owns the store; returns its epoch.
  // `on_standby` is called once if another owner is alive, with its address.
  // Errors: Cancelled once `stopped` returns true; those of the store, except
  // that a store which becomes unreachable while waiting is waited for.
  absl::StatusOr<uint64_t> Acquire(
      const std::function<bool()>& stopped,
      const std::function<void(const std::string& owner)>& on_standby);

  // Moves the counter from now on. `on_lost` is called once, on the thread, if
  // the store has another owner.
  void Keep(uint64_t epoch, std::function<void(absl::Status)> on_lost);

  // Gives the store free after Keep, if it is still ours.
  void Release();

 private:
  // Whether the owner must be waited for longer.
  bool IsAlive(const OwnerRecord& owner);
  void StopThread();

  CampaignStore& store_;
  const Clock& clock_;
  const Options options_;
  OwnerRecord last_seen_;
  absl::Time last_moved_ = absl::InfinitePast();
  uint64_t epoch_ = 0;
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace merganser
