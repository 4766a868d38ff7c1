// What every command of `merganser` shares: global options, exit codes, how
// a command is registered.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace merganser {

// The exit codes of `merganser`; --help lists them.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitBadInput = 2;
inline constexpr int kExitUnreachable = 3;
inline constexpr int kExitConflict = 4;
inline constexpr int kExitInterrupted = 130;

// Options that stand before or behind the command.
struct GlobalOptions {
  std::string coordinator = "localhost:50051";
  bool json = false;
};

// A campaign file as a command takes it.
struct FileOptions {
  std::string file;
  std::vector<std::string> overrides;  // "key.path=value", of --set
  std::string models_root;             // empty = none
};

// Adds FILE, --set (repeatable) and --models-root.
void AddFileOptions(CLI::App& command, FileOptions& options);

// The exit code that an error leads to: InvalidArgument and OutOfRange 2;
// Unavailable, DeadlineExceeded, Unauthenticated and PermissionDenied 3;
// NotFound, AlreadyExists, FailedPrecondition and Aborted 4; Cancelled 130; any
// other 1. A local file that is missing is bad input: report it as
// InvalidArgument.
int ExitCode(const absl::Status& status);

// Prints "merganser: <message>" to stderr; returns ExitCode(status). OK prints
// nothing.
int ReportError(const absl::Status& status);

// What main() executes once the command line is parsed; returns an exit code.
using CommandBody = std::function<int()>;

// Adds a subcommand; `chosen` is set to its body when it is the one given.
// `name`, `description` and `example` (a command line) make its --help.
CLI::App* AddCommand(CLI::App& app, const std::string& name,
                     const std::string& description,
                     const std::string& example);

}  // namespace merganser
