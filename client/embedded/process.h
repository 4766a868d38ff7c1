// One child process, which never outlives us.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace merganser {

// How a process ended.
struct ProcessEnd {
  bool killed = false;  // by a signal, else by itself
  int code = 0;         // the signal's number, or the exit code

  // "exited with code 2", "was killed by signal 9 (Killed)".
  std::string ToString() const;
};

// A child in a process group of its own, so that a terminal's Ctrl-C does not
// reach it. The system kills it by SIGKILL when we die, whatever kills us;
// therefore only the main thread may start one (the system watches over the
// thread, not the process).
// Threads: none; the main thread's.
class Process {
 public:
  struct Options {
    // A path with a slash, or a name to be found in PATH.
    std::string binary;
    // Without the binary itself.
    std::vector<std::string> arguments;
    // Not empty: what it writes to stdout and stderr is appended to this file.
    std::string log_path;
    // Its stdin and stdout are pipes to us; log_path then takes stderr alone.
    bool pipes = false;
  };

  // Errors: NotFound or PermissionDenied naming the binary when it cannot be
  // executed; what the system says otherwise. No process is then left.
  static absl::StatusOr<Process> Start(const Options& options);

  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  // Kills what still runs, and reaps it.
  ~Process();

  pid_t pid() const { return pid_; }
  // Nullopt while it runs.
  std::optional<ProcessEnd> Poll();
  // Waits until it has ended.
  ProcessEnd Wait();
  // To it and all in its process group. No-op once it has ended.
  void Signal(int signal);

  // With Options::pipes, our ends; -1 without or when closed. Both are
  // non-blocking.
  int stdin_descriptor() const { return stdin_; }
  int stdout_descriptor() const { return stdout_; }
  // Its reads then find the end of the file.
  void CloseStdin();

 private:
  Process(pid_t pid, int stdin_descriptor, int stdout_descriptor);
  void Kill();

  pid_t pid_ = -1;  // -1 = nothing to own
  std::optional<ProcessEnd> end_;
  int stdin_ = -1;
  int stdout_ = -1;
};

// The file `name` in the folder of our own executable.
// Errors: Unavailable, naming the path.
absl::StatusOr<std::string> BesideOwnExecutable(const std::string& name);

// The path of `name` in PATH, or `name` itself if it has a slash.
// Errors: NotFound.
absl::StatusOr<std::string> FindInPath(const std::string& name);

}  // namespace merganser
