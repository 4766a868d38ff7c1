#include "client/embedded/supervisor.h"

#include <signal.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

constexpr int kLogTailLines = 20;
constexpr int64_t kLogTailBytes = 8 << 10;
// Between two looks at a child that was asked to end.
constexpr absl::Duration kStopPoll = absl::Milliseconds(20);

std::string WithLog(const std::string& message, const std::string& log_path) {
  return absl::StrCat(message, "; the end of ", log_path, ":\n",
                      LogTail(log_path, kLogTailLines));
}

}  // namespace

Supervisor::Supervisor(const Clock& clock, const RestartOptions& options,
                       Report report)
    : clock_(clock), policy_(options), report_(std::move(report)) {}

Supervisor::~Supervisor() = default;

absl::Status Supervisor::Start(const ChildOptions& child) {
  ASSIGN_OR_RETURN(Process process, Process::Start(child.process));
  children_.push_back({.options = child,
                       .process = std::move(process),
                       .started = clock_.Now()});
  return absl::OkStatus();
}

absl::Status Supervisor::Tick() {
  for (Child& child : children_) {
    if (child.process.has_value()) {
      const std::optional<ProcessEnd> end = child.process->Poll();
      if (end.has_value()) RETURN_IF_ERROR(OnDeath(child, *end));
    } else if (clock_.Now() >= child.restart_at) {
      RETURN_IF_ERROR(Restart(child));
    }
  }
  return absl::OkStatus();
}

absl::Status Supervisor::OnDeath(Child& child, const ProcessEnd& end) {
  child.process.reset();
  const ChildOptions& options = child.options;
  const std::string what = absl::StrCat(options.name, " ", end.ToString());
  if (!end.killed && options.usage_exit_code == end.code) {
    return absl::InvalidArgumentError(WithLog(what, options.process.log_path));
  }
  const absl::Time now = clock_.Now();
  const RestartDecision decision =
      policy_.OnDeath(options.name, child.started, now);
  if (decision.give_up) {
    return absl::InternalError(
        WithLog(absl::StrCat(what, ", and processes keep dying: this run ends"),
                options.process.log_path));
  }
  child.restart_at = decision.restart_at;
  report_(absl::StrFormat("%s; starting it again in %.1f s", what,
                          absl::ToDoubleSeconds(child.restart_at - now)));
  return absl::OkStatus();
}

absl::Status Supervisor::Restart(Child& child) {
  ASSIGN_OR_RETURN(child.process, Process::Start(child.options.process));
  child.started = clock_.Now();
  return absl::OkStatus();
}

absl::Time Supervisor::NextWake() const {
  absl::Time next = absl::InfiniteFuture();
  for (const Child& child : children_) {
    if (!child.process.has_value()) next = std::min(next, child.restart_at);
  }
  return next;
}

void Supervisor::Stop(absl::Duration grace,
                      const std::function<bool()>& hurry) {
  const absl::Time deadline = clock_.Now() + grace;
  std::vector<int> stages;
  for (const Child& child : children_) stages.push_back(child.options.stage);
  std::sort(stages.rbegin(), stages.rend());
  stages.erase(std::unique(stages.begin(), stages.end()), stages.end());
  for (const int stage : stages) StopStage(stage, deadline, hurry);
  // Kills whatever is left.
  children_.clear();
}

void Supervisor::StopStage(int stage, absl::Time deadline,
                           const std::function<bool()>& hurry) {
  for (Child& child : children_) {
    if (child.options.stage == stage && child.process.has_value()) {
      child.process->Signal(SIGTERM);
    }
  }
  while (AnyRuns(stage) && clock_.Now() < deadline && !hurry()) {
    absl::SleepFor(kStopPoll);
  }
}

bool Supervisor::AnyRuns(int stage) {
  return std::any_of(children_.begin(), children_.end(), [&](Child& child) {
    return child.options.stage == stage && child.process.has_value() &&
           !child.process->Poll().has_value();
  });
}

std::string LogTail(const std::string& path, int lines) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const int64_t size = file ? static_cast<int64_t>(file.tellg()) : 0;
  if (size <= 0) return "  (nothing was written)";
  const int64_t begin = std::max<int64_t>(0, size - kLogTailBytes);
  std::string text(size - begin, '\0');
  file.seekg(begin);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(file.gcount());
  std::vector<std::string> all =
      absl::StrSplit(absl::StripSuffix(text, "\n"), '\n');
  const size_t first = all.size() > static_cast<size_t>(lines)
                           ? all.size() - static_cast<size_t>(lines)
                           : 0;
  std::string tail;
  for (size_t i = first; i < all.size(); ++i) {
    absl::StrAppend(&tail, i == first ? "" : "\n", "  ", all[i]);
  }
  return tail;
}

}  // namespace merganser
