// merganser validate, merganser submit.
#pragma once

#include "client/cli/command.h"

namespace merganser {

void AddValidateCommand(CLI::App& app, const GlobalOptions& global,
                        CommandBody* chosen);
void AddSubmitCommand(CLI::App& app, const GlobalOptions& global,
                      CommandBody* chosen);

}  // namespace merganser
