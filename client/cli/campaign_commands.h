// merganser list, get, pause, resume, cancel, delete.
#pragma once

#include "client/cli/command.h"

namespace merganser {

void AddListCommand(CLI::App& app, const GlobalOptions& global,
                    CommandBody* chosen);
void AddGetCommand(CLI::App& app, const GlobalOptions& global,
                   CommandBody* chosen);
// pause, resume, cancel and delete.
void AddStateCommands(CLI::App& app, const GlobalOptions& global,
                      CommandBody* chosen);

}  // namespace merganser
