// `merganser run FILE`: a campaign on this machine alone, with nothing to set
// up.
#pragma once

#include <string>

#include "client/cli/command.h"

namespace merganser {

struct RunArguments {
  FileOptions file;
  std::string output;  // empty = runs/<campaign name>
  int workers = 2;
  int threads_per_worker = 1;
  std::string device = "auto";  // of every worker
  // Empty = beside our own executable; redis-server in PATH.
  std::string coordinator_binary;
  std::string worker_binary;
  std::string redis_binary;
};

// Runs the campaign to its end, or takes it up where it stands; returns the
// exit code. Prints the result, or why there is none.
int RunCampaign(const RunArguments& arguments, bool json);

void AddRunCommand(CLI::App& app, const GlobalOptions& global,
                   CommandBody* chosen);

}  // namespace merganser
