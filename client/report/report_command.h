// merganser report.
#pragma once

#include "client/cli/command.h"

namespace merganser {

void AddReportCommand(CLI::App& app, const GlobalOptions& global,
                      CommandBody* chosen);

}  // namespace merganser
