// One embedded run from its first process to its last.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/embedded/campaign_follower.h"
#include "client/embedded/local_cluster.h"
#include "client/embedded/signal_watch.h"
#include "client/embedded/supervisor.h"

namespace merganser {

struct SessionOptions {
  ClusterOptions cluster;
  int workers = 2;
  CampaignFollower::Options follower;
  RestartOptions restart;
  // How long the processes may take to end once they are asked to.
  absl::Duration grace = absl::Seconds(10);
};

// What a session tells while it goes on; called by the main thread.
struct SessionListener {
  std::function<void(const v1::Campaign& campaign)> on_campaign;
  std::function<void(const std::string& line)> on_event;
};

struct SessionEnd {
  // The signal that ended it; 0 = none.
  int signal = 0;
  // Set unless a signal ended it.
  FollowEnd follow;
};

// Starts Redis, then coordinator and workers, follows the campaign and stops
// them all again, whatever happens: when it returns none of them is left.
// Errors: Internal when processes keep dying, with the log of one of them;
// those of the campaign's submission and of its results.
// Threads: call it on the main thread.
absl::StatusOr<SessionEnd> RunSession(const SessionOptions& options,
                                      SignalWatch& signals,
                                      const SessionListener& listener);

}  // namespace merganser
