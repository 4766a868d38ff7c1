// A campaign on the whole terminal.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/api/campaign_client.h"

namespace merganser {

// Follows a campaign as CampaignClient::Watch() does and redraws the terminal
// all the while. Behind it the terminal is as before, and shows the last view.
// stdout is a terminal. Threads: the main thread's.
absl::StatusOr<v1::Campaign> WatchLive(CampaignClient& client,
                                       const std::string& name);

}  // namespace merganser
