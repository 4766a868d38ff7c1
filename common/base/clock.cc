#include "common/base/clock.h"

#include <chrono>

namespace merganser {
namespace {

class MonotonicClock : public Clock {
 public:
  absl::Time Now() const override {
    const auto elapsed = std::chrono::steady_clock::now().time_since_epoch();
    return absl::UnixEpoch() + absl::FromChrono(elapsed);
  }

  absl::Time CalendarNow() const override { return absl::Now(); }
};

}  // namespace

const Clock& Clock::Monotonic() {
  static const MonotonicClock clock;
  return clock;
}

}  // namespace merganser
