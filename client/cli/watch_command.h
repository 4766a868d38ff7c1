// merganser watch.
#pragma once

#include <string>

#include "client/api/campaign_client.h"
#include "client/cli/command.h"

namespace merganser {

void AddWatchCommand(CLI::App& app, const GlobalOptions& global,
                     CommandBody* chosen);

enum class WatchOutput {
  kAuto,   // a live view on a terminal that can be redrawn, else lines
  kLines,  // a line now and then
  kJson,   // an object per change
};

// Shows a campaign's progress until it has ended; returns the exit code: that
// of its state, or of the error, which is reported.
int WatchToEnd(CampaignClient& client, const std::string& name,
               WatchOutput output);

}  // namespace merganser
