// The command line of `merganser`: global options, commands, exit codes.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "client/cli/candidate_commands.h"
#include "client/cli/command.h"

namespace merganser {

// Commands are added between construction and Run().
// Threads: none; the main thread's.
class Application {
 public:
  Application();

  CLI::App& app() { return app_; }
  const GlobalOptions& global() const { return global_; }
  CommandBody* chosen() { return &chosen_; }

  // Parses the command line, executes the command and returns the exit code.
  int Run(int argc, const char* const* argv);

 private:
  CLI::App app_;
  GlobalOptions global_;
  CommandBody chosen_;
};

// All commands but those that stand beside what they use: run, export and
// verify.
void AddBasicCommands(Application& application,
                      const CandidateDetails& details = {});

// "merganser 0.1.0".
std::string VersionText();

}  // namespace merganser
