// merganser inspect.
#pragma once

#include "client/cli/command.h"

namespace merganser {

void AddInspectCommand(CLI::App& app, const GlobalOptions& global,
                       CommandBody* chosen);

}  // namespace merganser
