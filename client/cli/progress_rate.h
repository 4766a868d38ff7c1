// How fast a campaign goes, and numbers as people read them.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "absl/time/time.h"

namespace merganser {

// Children applied per second over the last ten seconds or so.
// Threads: none.
class ProgressRate {
 public:
  // `now` must not run backwards; any zero will do. Fewer evaluations than
  // before: another campaign.
  void Add(absl::Time now, int64_t evaluations);
  // 0 while it is not known.
  double PerSecond() const;

 private:
  struct Sample {
    absl::Time time;
    int64_t evaluations = 0;
  };

  std::deque<Sample> samples_;
};

// "10,000": thousands set apart.
std::string WithThousands(int64_t value);
// "9 s", "3 min 20 s", "2 h 5 min".
std::string DurationText(double seconds);
// "2.5/s", "1,234/s".
std::string RateText(double per_second);

}  // namespace merganser
