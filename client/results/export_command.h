// `merganser export NAME`: a campaign's results from a coordinator.
#pragma once

#include "client/cli/command.h"

namespace merganser {

void AddExportCommand(CLI::App& app, const GlobalOptions& global,
                      CommandBody* chosen);

}  // namespace merganser
