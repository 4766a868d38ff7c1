// merganser candidates, merganser lineage.
#pragma once

#include <functional>
#include <string>

#include "client/cli/command.h"

namespace merganser {

// What `candidates` can do beyond listing them, where there is anything.
struct CandidateDetails {
  // Adds its options to the command.
  std::function<void(CLI::App& command)> add_options;
  // Whether they ask for it in the place of the list.
  std::function<bool()> is_wanted;
  // Does it for the campaign `name` and returns the exit code.
  std::function<int(const std::string& name, const GlobalOptions& global)> show;
};

void AddCandidatesCommand(CLI::App& app, const GlobalOptions& global,
                          CommandBody* chosen,
                          const CandidateDetails& details = {});
void AddLineageCommand(CLI::App& app, const GlobalOptions& global,
                       CommandBody* chosen);

}  // namespace merganser
