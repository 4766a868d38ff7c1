// `merganser verify NAME|DIR`: is the result what it says it is?
#pragma once

#include "client/cli/command.h"

namespace merganser {

void AddVerifyCommand(CLI::App& app, const GlobalOptions& global,
                      CommandBody* chosen);

}  // namespace merganser
