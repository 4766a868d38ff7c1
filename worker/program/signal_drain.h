// SIGTERM and SIGINT.
#pragma once

#include <functional>
#include <thread>

#include "absl/time/time.h"

namespace merganser {

// Calls `drain` on the first signal. The second one, or the end of the grace
// period with a little to spare, ends the process at once.
class SignalDrain {
 public:
  // Blocks both signals in the calling thread and those that it starts. Call
  // it before there are any.
  static void BlockSignals();

  // Waits for signals on a thread of its own until destroyed.
  SignalDrain(std::function<void()> drain, absl::Duration grace);
  ~SignalDrain();

 private:
  void WaitForSignals(absl::Duration grace);

  std::function<void()> drain_;
  std::thread thread_;
};

}  // namespace merganser
