#include "client/embedded/restart_policy.h"

#include <algorithm>

namespace merganser {

RestartDecision RestartPolicy::OnDeath(const std::string& child,
                                       absl::Time started, absl::Time died) {
  deaths_.push_back(died);
  if (static_cast<int>(deaths_.size()) > options_.deaths_to_give_up) {
    deaths_.pop_front();
  }
  if (static_cast<int>(deaths_.size()) == options_.deaths_to_give_up &&
      died - deaths_.front() < options_.window) {
    return {.give_up = true};
  }
  absl::Duration& backoff = last_backoff_[child];
  const bool recovered = died - started >= options_.recovered_after;
  backoff = backoff == absl::ZeroDuration() || recovered
                ? options_.first_backoff
                : std::min(2 * backoff, options_.longest_backoff);
  return {.restart_at = died + backoff};
}

}  // namespace merganser
