// merganser merge.
#pragma once

#include "client/cli/command.h"

namespace merganser {

void AddMergeCommand(CLI::App& app, const GlobalOptions& global,
                     CommandBody* chosen);

}  // namespace merganser
