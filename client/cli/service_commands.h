// merganser workers, debug dump, version.
#pragma once

#include "client/cli/command.h"

namespace merganser {

void AddWorkersCommand(CLI::App& app, const GlobalOptions& global,
                       CommandBody* chosen);
void AddDebugCommand(CLI::App& app, const GlobalOptions& global,
                     CommandBody* chosen);
void AddVersionCommand(CLI::App& app, const GlobalOptions& global,
                       CommandBody* chosen);

}  // namespace merganser
