// merganser watch.
#pragma once

#include <string>

#include "client/api/campaign_client.h"
#include "client/cli/command.h"

namespace merganser {

void AddWatchCommand(CLI::App& app, const GlobalOptions& global,
                     CommandBody* chosen);

// Shows a campaign's progress until it has ended; returns the exit code: that
// of its state, or of the error, which is reported.
int WatchToEnd(CampaignClient& client, const std::string& name, bool json);

}  // namespace merganser
