// The one way to ask for the time.
#pragma once

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace merganser {

// A clock that never runs backwards while a process lives. Leases, liveness
// and back-off read it; tests put a SimulatedClock in its place.
// Threads: safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;

  // The calendar's time, for records that people read. It may jump.
  virtual absl::Time CalendarNow() const = 0;

  // The process's monotonic clock. Its zero is arbitrary: compare its times
  // with one another only, never with a calendar.
  static const Clock& Monotonic();
};

}  // namespace merganser
