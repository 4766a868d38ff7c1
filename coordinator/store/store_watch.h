// Asks the store, again and again, how it is.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/base/clock.h"

namespace merganser {

// A thread of its own asks, so that nobody who wants to know waits for it.
// Threads: safe.
class StoreWatch {
 public:
  struct Options {
    absl::Duration interval = absl::Seconds(5);
    // Both may block. Whether the store answers; whether what is written
    // survives a crash.
    std::function<absl::Status()> ping;
    std::function<bool()> is_persistent;
  };
  struct Health {
    absl::Status reachable = absl::UnavailableError("not asked yet");
    absl::Duration ping_time;
    bool persistent = false;
  };

  // Borrows the clock. Returns once the store was asked for the first time.
  StoreWatch(const Clock& clock, Options options);
  // Waits for a question that is under way.
  ~StoreWatch();

  // As of the last answer.
  Health health() const;

 private:
  void Ask();

  const Clock& clock_;
  const Options options_;
  mutable absl::Mutex mutex_;
  Health health_ ABSL_GUARDED_BY(mutex_);
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace merganser
