#include "coordinator/dispatch/leadership.h"

#include <openssl/rand.h>

#include <utility>

#include "common/base/status_macros.h"
#include "spdlog/spdlog.h"

namespace merganser {
namespace {

constexpr absl::Duration kMoveEvery = absl::Seconds(1);
constexpr absl::Duration kLookEvery = absl::Milliseconds(250);

uint64_t RandomEpoch() {
  uint64_t epoch = 0;
  while (epoch == 0) {
    RAND_bytes(reinterpret_cast<unsigned char*>(&epoch), sizeof(epoch));
    epoch >>= 1;  // Fits a signed 64-bit integer, too.
  }
  return epoch;
}

}  // namespace

Leadership::~Leadership() { StopThread(); }

absl::StatusOr<uint64_t> Leadership::Acquire(
    const std::function<bool()>& stopped,
    const std::function<void(const std::string& owner)>& on_standby) {
  RETURN_IF_ERROR(store_.Ping());
  bool announced = false;
  uint64_t tried = 0;
  while (!stopped()) {
    const absl::StatusOr<OwnerRecord> owner = store_.ReadOwner();
    // An attempt whose answer was lost.
    if (owner.ok() && tried != 0 && owner->epoch == tried) return tried;
    if (owner.ok() && !IsAlive(*owner)) {
      const uint64_t epoch = RandomEpoch();
      tried = epoch;
      const absl::Status taken =
          store_.TakeOwnership(*owner, epoch, options_.address);
      if (taken.ok()) return epoch;
      if (!absl::IsFailedPrecondition(taken) && !absl::IsUnavailable(taken)) {
        return taken;
      }
      continue;
    }
    if (!owner.ok() && !absl::IsUnavailable(owner.status())) {
      return owner.status();
    }
    if (owner.ok() && !std::exchange(announced, true)) {
      on_standby(owner->address);
    }
    absl::SleepFor(kLookEvery);
  }
  return absl::CancelledError("stopped while waiting for the store");
}

bool Leadership::IsAlive(const OwnerRecord& owner) {
  if (owner.address.empty() || options_.owner_timeout <= absl::ZeroDuration()) {
    return false;
  }
  const absl::Time now = clock_.Now();
  if (last_moved_ == absl::InfinitePast() || owner != last_seen_) {
    last_seen_ = owner;
    last_moved_ = now;
  }
  return now - last_moved_ < options_.owner_timeout;
}

void Leadership::Keep(uint64_t epoch,
                      std::function<void(absl::Status)> on_lost) {
  epoch_ = epoch;
  thread_ = std::thread([this, on_lost = std::move(on_lost)] {
    while (!stop_.WaitForNotificationWithTimeout(kMoveEvery)) {
      const absl::Status status = store_.MoveOwnerCounter(epoch_);
      if (absl::IsFailedPrecondition(status)) return on_lost(status);
      if (!status.ok()) {
        spdlog::debug("the owner's counter did not move: {}",
                      std::string(status.message()));
      }
    }
  });
}

void Leadership::StopThread() {
  if (!thread_.joinable()) return;
  if (!stop_.HasBeenNotified()) stop_.Notify();
  thread_.join();
}

void Leadership::Release() {
  StopThread();
  const absl::StatusOr<OwnerRecord> owner = store_.ReadOwner();
  if (!owner.ok() || owner->epoch != epoch_) return;
  const absl::Status freed = store_.TakeOwnership(*owner, RandomEpoch(), "");
  if (!freed.ok()) {
    spdlog::warn("the store could not be given free: {}",
                 std::string(freed.message()));
  }
}

}  // namespace merganser
