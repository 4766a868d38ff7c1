// `merganser eval DIR --task FILE`: how good is one language model?
#pragma once

#include "client/cli/command.h"

namespace merganser {

void AddEvalCommand(CLI::App& app, const GlobalOptions& global,
                    CommandBody* chosen);

}  // namespace merganser
