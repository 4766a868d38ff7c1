#include "coordinator/dispatch/event_loop.h"

#include <utility>

namespace merganser {

void EventLoop::Post(std::function<void()> closure) {
  absl::MutexLock lock(&mutex_);
  posted_.push_back(std::move(closure));
  changed_.Signal();
}

void EventLoop::PostAfter(absl::Duration delay, std::function<void()> closure) {
  const absl::Time due = clock_.Now() + delay;
  absl::MutexLock lock(&mutex_);
  timers_.emplace(due, std::move(closure));
  changed_.Signal();
}

void EventLoop::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
  changed_.Signal();
}

void EventLoop::Run() {
  while (true) {
    const std::vector<std::function<void()>> closures = Take();
    if (closures.empty()) return;
    for (const auto& closure : closures) closure();
  }
}

std::vector<std::function<void()>> EventLoop::Take() {
  absl::MutexLock lock(&mutex_);
  while (!stopped_) {
    std::vector<std::function<void()>> closures = std::exchange(posted_, {});
    const absl::Time now = clock_.Now();
    while (!timers_.empty() && timers_.begin()->first <= now) {
      closures.push_back(std::move(timers_.begin()->second));
      timers_.erase(timers_.begin());
    }
    if (!closures.empty()) return closures;
    if (timers_.empty()) {
      changed_.Wait(&mutex_);
    } else {
      changed_.WaitWithTimeout(&mutex_, timers_.begin()->first - now);
    }
  }
  return {};
}

}  // namespace merganser
