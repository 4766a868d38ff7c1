// Keeps a set of children running.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/embedded/process.h"
#include "client/embedded/restart_policy.h"
#include "common/base/clock.h"

namespace merganser {

struct ChildOptions {
  std::string name;  // for messages
  Process::Options process;
  // The exit code with which it says that its command line is wrong; starting
  // it again would not help.
  std::optional<int> usage_exit_code;
  // Children of a higher stage are stopped first.
  int stage = 0;
};

// Restarts children that die, by RestartPolicy. It does not wait by itself: its
// owner calls Tick() on SIGCHLD and at NextWake().
// Threads: none; the main thread's.
class Supervisor {
 public:
  // Told what happens, one line without newline.
  using Report = std::function<void(const std::string& line)>;

  // The clock is borrowed.
  Supervisor(const Clock& clock, const RestartOptions& options, Report report);
  // Kills what still runs.
  ~Supervisor();

  // Errors: as Process::Start().
  absl::Status Start(const ChildOptions& child);

  // Notices deaths and starts what is due.
  // Errors: Internal when children die too often, and InvalidArgument for a
  // wrong command line: with the end of the child's log. Supervision is then
  // over; call Stop().
  absl::Status Tick();
  // When Tick() has something to start; InfiniteFuture if nothing waits.
  absl::Time NextWake() const;

  // SIGTERM to one stage after the other, the highest first, each waited for;
  // SIGKILL to all that is left at `grace` from now, or as soon as `hurry`,
  // asked several times a second, says so. Nothing runs afterwards.
  void Stop(absl::Duration grace, const std::function<bool()>& hurry);

 private:
  struct Child {
    ChildOptions options;
    std::optional<Process> process;  // absent while it waits for its restart
    absl::Time started;
    absl::Time restart_at;
  };

  absl::Status OnDeath(Child& child, const ProcessEnd& end);
  absl::Status Restart(Child& child);
  void StopStage(int stage, absl::Time deadline,
                 const std::function<bool()>& hurry);
  bool AnyRuns(int stage);

  const Clock& clock_;
  RestartPolicy policy_;
  Report report_;
  std::vector<Child> children_;
};

// The last `lines` lines of a log, at most 8 KiB of it, each behind two
// spaces; a note when it is empty or cannot be read.
std::string LogTail(const std::string& path, int lines);

}  // namespace merganser
