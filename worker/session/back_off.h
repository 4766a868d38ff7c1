// Waiting times between attempts.
#pragma once

#include <algorithm>

#include "absl/time/time.h"

namespace merganser {

// 0.1 s, 0.2 s, 0.4 s, … up to 2 s.
// Threads: none; one object belongs to one thread.
class BackOff {
 public:
  static constexpr absl::Duration kFirst = absl::Milliseconds(100);
  static constexpr absl::Duration kLongest = absl::Seconds(2);

  // The time to wait before the next attempt.
  absl::Duration Next() {
    const absl::Duration wait = next_;
    next_ = std::min(2 * next_, kLongest);
    return wait;
  }
  void Reset() { next_ = kFirst; }

 private:
  absl::Duration next_ = kFirst;
};

}  // namespace merganser
