// Signals as something to wait for.
#pragma once

#include <signal.h>

#include <vector>

#include "absl/status/statusor.h"

namespace merganser {

// Holds back SIGINT, SIGTERM, SIGHUP and SIGCHLD, and tells of them through a
// descriptor. Make it before any thread starts, so that all inherit it.
// Threads: none; the main thread's.
class SignalWatch {
 public:
  static absl::StatusOr<SignalWatch> Create();
  SignalWatch(SignalWatch&& other) noexcept;
  SignalWatch& operator=(SignalWatch&&) = delete;
  // Lets them through again.
  ~SignalWatch();

  // Readable when a signal has come.
  int descriptor() const { return descriptor_; }
  // Those that have come since the last call; does not wait.
  std::vector<int> Take();

 private:
  SignalWatch(int descriptor, const sigset_t& before)
      : descriptor_(descriptor), before_(before) {}

  int descriptor_;
  sigset_t before_;
};

}  // namespace merganser
