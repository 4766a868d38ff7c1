#include "coordinator/store/store_watch.h"

#include <utility>

namespace merganser {

StoreWatch::StoreWatch(const Clock& clock, Options options)
    : clock_(clock), options_(std::move(options)) {
  Ask();
  thread_ = std::thread([this] {
    while (!stop_.WaitForNotificationWithTimeout(options_.interval)) Ask();
  });
}

StoreWatch::~StoreWatch() {
  stop_.Notify();
  thread_.join();
}

void StoreWatch::Ask() {
  Health health;
  const absl::Time start = clock_.Now();
  health.reachable = options_.ping();
  health.ping_time = clock_.Now() - start;
  health.persistent = health.reachable.ok() && options_.is_persistent();
  absl::MutexLock lock(&mutex_);
  health_ = std::move(health);
}

StoreWatch::Health StoreWatch::health() const {
  absl::MutexLock lock(&mutex_);
  return health_;
}

}  // namespace merganser
