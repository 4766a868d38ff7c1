// When simulated workers report.
#pragma once

#include <chrono>
#include <deque>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "benchmarks/simulated_worker.h"

namespace merganser {

// Lets workers report in the order in which they got their jobs, so many
// results per second in all; what is late is caught up with for a tenth of a
// second, then given up. A rate of 0: everybody reports at once.
// Threads: Finished() from any.
class LoadPacer {
 public:
  explicit LoadPacer(double results_per_second)
      : results_per_second_(results_per_second) {
    if (results_per_second_ > 0) thread_ = std::thread([this] { Release(); });
  }
  ~LoadPacer() { Stop(); }

  void Finished(SimulatedWorker& worker) {
    if (results_per_second_ <= 0) return worker.Report();
    absl::MutexLock lock(&mutex_);
    queue_.push_back(&worker);
  }

  // No worker reports afterwards, unless the rate is 0.
  void Stop() {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Release() {
    using Clock = std::chrono::steady_clock;
    auto due = Clock::now();
    while (SimulatedWorker* worker = Next()) {
      due = std::max(due, Clock::now() - std::chrono::milliseconds(100));
      std::this_thread::sleep_until(due);
      due += std::chrono::duration_cast<Clock::duration>(
          std::chrono::duration<double>(worker->held() / results_per_second_));
      worker->Report();
    }
  }

  // Waits for one; null at the end.
  SimulatedWorker* Next() {
    absl::MutexLock lock(&mutex_);
    const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return stopping_ || !queue_.empty();
    };
    mutex_.Await(absl::Condition(&ready));
    if (stopping_) return nullptr;
    SimulatedWorker* worker = queue_.front();
    queue_.pop_front();
    return worker;
  }

  const double results_per_second_;
  absl::Mutex mutex_;
  std::deque<SimulatedWorker*> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace merganser
