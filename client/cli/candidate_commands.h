// merganser candidates, merganser lineage.
#pragma once

#include "client/cli/command.h"

namespace merganser {

void AddCandidatesCommand(CLI::App& app, const GlobalOptions& global,
                          CommandBody* chosen);
void AddLineageCommand(CLI::App& app, const GlobalOptions& global,
                       CommandBody* chosen);

}  // namespace merganser
