// When a child that died is started again, and when that has no sense any more.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "absl/time/time.h"

namespace merganser {

struct RestartOptions {
  // Pause before a restart: the first one, then twice the last, up to the
  // longest.
  absl::Duration first_backoff = absl::Milliseconds(200);
  absl::Duration longest_backoff = absl::Seconds(5);
  // A child that lived so long begins with the first pause again.
  absl::Duration recovered_after = absl::Seconds(30);
  // So many deaths of any children less than `window` apart end it all.
  int deaths_to_give_up = 5;
  absl::Duration window = absl::Minutes(1);
};

struct RestartDecision {
  bool give_up = false;
  absl::Time restart_at;  // unless give_up
};

// A pure function of what it is told.
// Threads: none.
class RestartPolicy {
 public:
  explicit RestartPolicy(const RestartOptions& options = {})
      : options_(options) {}

  // `child` ran from `started` to `died`; times do not run backwards.
  RestartDecision OnDeath(const std::string& child, absl::Time started,
                          absl::Time died);

 private:
  RestartOptions options_;
  std::map<std::string, absl::Duration> last_backoff_;
  std::deque<absl::Time> deaths_;  // the latest deaths_to_give_up
};

}  // namespace merganser
