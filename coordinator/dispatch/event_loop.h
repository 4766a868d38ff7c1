// One thread that owns the coordinator's memory.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"

namespace merganser {

// Runs closures one after the other, in the order of posting; timers when they
// are due. What only the loop touches needs no lock.
// Threads: Post, PostAfter and Stop are safe; Run is called once.
class EventLoop {
 public:
  // Borrows the clock, which must run with real time.
  explicit EventLoop(const Clock& clock) : clock_(clock) {}

  void Post(std::function<void()> closure);
  void PostAfter(absl::Duration delay, std::function<void()> closure);

  // Runs until Stop. Closures that are left are dropped.
  void Run();
  void Stop();

 private:
  // Waits for the next closures and takes them; empty once stopped.
  std::vector<std::function<void()>> Take();

  const Clock& clock_;
  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::vector<std::function<void()>> posted_ ABSL_GUARDED_BY(mutex_);
  std::multimap<absl::Time, std::function<void()>> timers_
      ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace merganser
