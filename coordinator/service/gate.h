// Lets calls in while this coordinator is the active one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "coordinator/dispatch/core.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

namespace merganser {

// Threads: safe.
class Gate {
 public:
  // `core` is borrowed until Close().
  void Open(Core* core) {
    absl::MutexLock lock(&mutex_);
    core_ = core;
  }
  // Calls are refused with UNAVAILABLE and `reason` from now on.
  void Close(std::string reason) {
    absl::MutexLock lock(&mutex_);
    core_ = nullptr;
    reason_ = std::move(reason);
  }

  // Errors: Unavailable, with the reason, while no core is active.
  absl::Status Admit() {
    absl::MutexLock lock(&mutex_);
    return core_ == nullptr ? absl::UnavailableError(reason_)
                            : absl::OkStatus();
  }

  // Posts `task` to the loop of the active core.
  // Errors: Unavailable, with the reason, while there is none.
  absl::Status Post(std::function<void(Core&)> task) {
    absl::MutexLock lock(&mutex_);
    if (core_ == nullptr) return absl::UnavailableError(reason_);
    Core* core = core_;
    core->loop().Post([core, task = std::move(task)] { task(*core); });
    return absl::OkStatus();
  }

 private:
  absl::Mutex mutex_;
  Core* core_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::string reason_ ABSL_GUARDED_BY(mutex_) = "the coordinator is starting";
};

}  // namespace merganser
