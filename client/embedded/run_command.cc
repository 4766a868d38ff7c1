#include "client/embedded/run_command.h"

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/cli/campaign_input.h"
#include "client/cli/progress_line.h"
#include "client/embedded/full_disk.h"
#include "client/embedded/run_directory.h"
#include "client/embedded/run_session.h"
#include "client/embedded/temporary_folder.h"
#include "client/eval/winner_outputs.h"
#include "client/results/result_table.h"
#include "client/results/winner_folder.h"
#include "client/results/write_results.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/command_line/device_name.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

constexpr int kMostWorkers = 1024;
constexpr int kMostThreads = 1024;
// A shell's exit code for a program that a signal ended.
constexpr int kSignalExitCode = 128;

constexpr char kExitCodes[] = R"(

Exit codes:
  0    the campaign is completed and its result is written
  1    it failed or was cancelled; a process kept dying; the disk is full
  2    bad usage or bad input: command line, campaign file, data, --output;
       no worker can serve the campaign
  3    redis-server, or one of merganser's own programs, is missing
  4    the folder is in use, or belongs to another campaign
  130  interrupted by Ctrl-C, 143 terminated: run again, it goes on)";

struct Binaries {
  std::string redis;
  std::string coordinator;
  std::string worker;
};

absl::StatusOr<Binaries> FindBinaries(const RunArguments& arguments) {
  Binaries binaries;
  const std::string redis =
      arguments.redis_binary.empty() ? "redis-server" : arguments.redis_binary;
  const auto found = FindInPath(redis);
  if (!found.ok()) {
    return absl::UnavailableError(
        absl::StrCat(found.status().message(),
                     "; `merganser run` needs a Redis server of version 6 or "
                     "later (on Debian: apt-get install redis-server)"));
  }
  binaries.redis = *found;
  binaries.coordinator = arguments.coordinator_binary;
  if (binaries.coordinator.empty()) {
    ASSIGN_OR_RETURN(binaries.coordinator,
                     BesideOwnExecutable("merganser-coordinator"));
  }
  binaries.worker = arguments.worker_binary;
  if (binaries.worker.empty()) {
    ASSIGN_OR_RETURN(binaries.worker, BesideOwnExecutable("merganser-worker"));
  }
  return binaries;
}

SessionOptions MakeSessionOptions(const RunArguments& arguments,
                                  const Binaries& binaries,
                                  const RunDirectory& directory,
                                  const TemporaryFolder& sockets,
                                  const RunIdentity& identity) {
  SessionOptions options;
  options.cluster = {.redis_binary = binaries.redis,
                     .coordinator_binary = binaries.coordinator,
                     .worker_binary = binaries.worker,
                     .folder = directory.path(),
                     .redis_socket = sockets.path() + "/redis.sock",
                     .coordinator_socket = sockets.path() + "/coordinator.sock",
                     .models_root = arguments.file.models_root,
                     .device = arguments.device,
                     .threads_per_worker = arguments.threads_per_worker};
  options.workers = arguments.workers;
  options.follower = {
      .address = "unix:" + options.cluster.coordinator_socket,
      .identity = identity,
      .results = {.folder = directory.path(),
                  .models_root = arguments.file.models_root,
                  .threads = arguments.workers * arguments.threads_per_worker},
      .workers = arguments.workers};
  return options;
}

void PrintResult(const Summary& summary, const RunDirectory& directory,
                 bool json) {
  if (json) {
    std::cout << SummaryToJsonLine(summary) << std::flush;
    return;
  }
  std::cout << ResultTable(summary, directory.path(),
                           ResultFilesIn(directory.path()))
            << std::flush;
}

// Prints the result of a folder whose campaign has completed.
absl::Status PrintFinished(const RunDirectory& directory, bool json) {
  ASSIGN_OR_RETURN(const std::string text,
                   ReadFile(directory.Path(kSummaryFile)));
  ASSIGN_OR_RETURN(const Summary summary, SummaryFromJson(text));
  PrintResult(summary, directory, json);
  return absl::OkStatus();
}

// Runs the session and shows what happens.
class RunScreen {
 public:
  explicit RunScreen(bool json)
      : json_(json),
        printer_(std::cout, ProgressPrinter::StandardOutput()),
        listener_{[this](const v1::Campaign& campaign) { Show(campaign); },
                  [this](const std::string& line) { Say(line); }} {}

  const SessionListener& listener() const { return listener_; }
  const std::optional<v1::Campaign>& last() const { return last_; }

  void Say(const std::string& line) {
    if (!json_) printer_.Finish();
    std::cerr << "merganser: " << line << std::endl;
  }

  void Finish() {
    if (!json_) printer_.Finish();
  }

 private:
  void Show(const v1::Campaign& campaign) {
    if (json_) {
      // The progress line tells of them otherwise.
      for (const std::string& condition : conditions_.Take(campaign)) {
        Say(condition);
      }
    } else {
      printer_.Show(campaign, Clock::Monotonic().Now());
    }
    last_ = campaign;
  }

  bool json_;
  ProgressPrinter printer_;
  NewConditions conditions_;
  std::optional<v1::Campaign> last_;
  SessionListener listener_;
};

// As a shell would read it back.
std::string Quoted(const std::string& word) {
  const bool plain = word.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789_./=:,+-") == std::string::npos;
  return plain ? word
               : absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}),
                              "'");
}

// The command that goes on with this run; what has its default is left out.
std::string CommandLine(const RunArguments& arguments,
                        const RunDirectory& directory) {
  const RunArguments defaults;
  std::string line = absl::StrCat("merganser run ", Quoted(arguments.file.file),
                                  " --output ", Quoted(directory.path()));
  for (const std::string& setting : arguments.file.overrides) {
    absl::StrAppend(&line, " --set ", Quoted(setting));
  }
  if (!arguments.file.models_root.empty()) {
    absl::StrAppend(&line, " --models-root ",
                    Quoted(arguments.file.models_root));
  }
  if (arguments.workers != defaults.workers) {
    absl::StrAppend(&line, " --workers ", arguments.workers);
  }
  if (arguments.threads_per_worker != defaults.threads_per_worker) {
    absl::StrAppend(&line, " --threads-per-worker ",
                    arguments.threads_per_worker);
  }
  if (arguments.device != defaults.device) {
    absl::StrAppend(&line, " --device ", Quoted(arguments.device));
  }
  return line;
}

int ReportInterrupted(RunScreen& screen, const RunArguments& arguments,
                      const RunDirectory& directory, int signal) {
  std::string at;  // empty: nothing was heard of it yet
  if (screen.last().has_value()) {
    const v1::Campaign& campaign = *screen.last();
    at = absl::StrCat(
        " after ", WithThousands(campaign.progress().evaluations()), " of ",
        WithThousands(campaign.spec().budget().evaluations()), " evaluations");
  }
  screen.Say(absl::StrCat("stopped", at,
                          "; to go on, run the same command again: ",
                          CommandLine(arguments, directory)));
  return kSignalExitCode + signal;
}

// Whether there is nothing that would be worth going on with.
bool CameToNothing(const absl::Status& status, const RunScreen& screen) {
  if (!screen.last().has_value()) return true;
  return absl::IsInvalidArgument(status) &&
         screen.last()->state() == v1::CAMPAIGN_STATE_PREPARING;
}

int ReportEnd(const SessionEnd& end, const RunDirectory& directory, bool json) {
  const v1::Campaign& campaign = end.follow.campaign;
  if (campaign.state() == v1::CAMPAIGN_STATE_FAILED) {
    return ReportError(absl::InternalError(absl::StrCat(
        "campaign ", campaign.name(), " failed: ", campaign.message())));
  }
  PrintResult(end.follow.results->summary, directory, json);
  return campaign.state() == v1::CAMPAIGN_STATE_COMPLETED ? kExitOk
                                                          : kExitFailed;
}

// Of the tasks that ask for them. Returns the signal that ended it; 0 = none.
absl::StatusOr<int> WriteOutputs(const RunArguments& arguments,
                                 const Binaries& binaries,
                                 const RunDirectory& directory,
                                 const v1::CampaignSpec& spec,
                                 SignalWatch& signals) {
  if (!KeepsOutputs(spec)) return 0;
  int signal = 0;
  const auto interrupted = [&] {
    for (const int seen : signals.Take()) {
      if (seen != SIGCHLD) signal = seen;
    }
    return signal != 0;
  };
  const absl::Status written = WriteWinnerOutputs(
      spec, arguments.file.models_root, directory.Path(kWinnerFolder),
      directory.Path(kWinnerOutputsFile),
      {.binary = binaries.worker,
       .device = arguments.device,
       .threads = arguments.threads_per_worker,
       .interrupted = interrupted});
  if (signal == 0) RETURN_IF_ERROR(written);
  return signal;
}

absl::StatusOr<int> RunToItsEnd(const RunArguments& arguments,
                                const Binaries& binaries,
                                const RunDirectory& directory,
                                const RunDecision& decision, bool json) {
  const absl::Time started = Clock::Monotonic().Now();
  ASSIGN_OR_RETURN(SignalWatch signals, SignalWatch::Create());
  RETURN_IF_ERROR(directory.WriteIdentity(decision.identity));
  RETURN_IF_ERROR(MakeClusterFolders(directory.path()));
  ASSIGN_OR_RETURN(const TemporaryFolder sockets, TemporaryFolder::Create());
  SessionOptions options = MakeSessionOptions(arguments, binaries, directory,
                                              sockets, decision.identity);
  options.follower.started = started;
  RunScreen screen(json);
  auto end = RunSession(options, signals, screen.listener());
  screen.Finish();
  if (!end.ok() && decision.plan == RunPlan::kStart &&
      CameToNothing(end.status(), screen)) {
    directory.Forget();
  }
  RETURN_IF_ERROR(end.status());
  if (end->signal == 0 && end->follow.results.has_value()) {
    ASSIGN_OR_RETURN(end->signal,
                     WriteOutputs(arguments, binaries, directory,
                                  decision.identity.spec, signals));
  }
  if (end->signal != 0) {
    return ReportInterrupted(screen, arguments, directory, end->signal);
  }
  return ReportEnd(*end, directory, json);
}

absl::StatusOr<int> RunIn(const RunArguments& arguments,
                          const Binaries& binaries,
                          const RunDirectory& directory,
                          const RunDecision& decision, bool json) {
  auto code = RunToItsEnd(arguments, binaries, directory, decision, json);
  if (code.ok()) return code;
  return BlameFullDisk(code.status(), directory.path(),
                       FreeBytes(directory.path()));
}

absl::StatusOr<int> TryRun(const RunArguments& arguments, bool json) {
  ASSIGN_OR_RETURN(const v1::CampaignSpec spec, LoadCampaign(arguments.file));
  ASSIGN_OR_RETURN(const Binaries binaries, FindBinaries(arguments));
  ASSIGN_OR_RETURN(
      const RunDirectory directory,
      RunDirectory::Open(arguments.output.empty() ? "runs/" + spec.name()
                                                  : arguments.output));
  ASSIGN_OR_RETURN(const auto stored, directory.ReadIdentity());
  ASSIGN_OR_RETURN(
      RunDecision decision,
      DecideRun(directory.path(), stored, directory.CompletedEvaluations(),
                spec, arguments.threads_per_worker));
  if (decision.plan == RunPlan::kFinished) {
    std::vector<std::string> missing = directory.MissingResults();
    if (KeepsOutputs(spec) &&
        !std::filesystem::exists(directory.Path(kWinnerOutputsFile))) {
      missing.push_back(kWinnerOutputsFile);
    }
    if (missing.empty()) {
      RETURN_IF_ERROR(PrintFinished(directory, json));
      return kExitOk;
    }
    std::cerr << "merganser: " << directory.path() << ": the campaign is "
              << "finished, but its folder lacks "
              << absl::StrJoin(missing, ", ") << "; writing the results again"
              << std::endl;
    decision.plan = RunPlan::kResume;
  }
  return RunIn(arguments, binaries, directory, decision, json);
}

}  // namespace

int RunCampaign(const RunArguments& arguments, bool json) {
  const absl::StatusOr<int> code = TryRun(arguments, json);
  return code.ok() ? *code : ReportError(code.status());
}

void AddRunCommand(CLI::App& app, const GlobalOptions& global,
                   CommandBody* chosen) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = AddCommand(
      app, "run",
      "Run a campaign on this machine: starts a Redis, a coordinator and "
      "workers of its own, and writes the result to a folder. Run again with "
      "the same folder, it goes on where it stopped.",
      "merganser run examples/digits-pretrained.yaml --output runs/digits");
  command->footer(absl::StrCat(command->get_footer(), kExitCodes));
  AddFileOptions(*command, arguments->file);
  command->add_option("--output", arguments->output,
                      "Folder of the result; default runs/<campaign name>");
  command->add_option("--workers", arguments->workers, "Worker processes")
      ->check(CLI::Range(1, kMostWorkers))
      ->capture_default_str();
  command
      ->add_option("--threads-per-worker", arguments->threads_per_worker,
                   "Threads of each worker; scores may depend on it")
      ->check(CLI::Range(1, kMostThreads))
      ->capture_default_str();
  command
      ->add_option("--device", arguments->device,
                   "Where workers compute: cpu, cuda:N, or auto")
      ->check(DeviceName())
      ->capture_default_str();
  // For tests. An empty group hides them from --help.
  command->add_option("--coordinator-binary", arguments->coordinator_binary)
      ->group("");
  command->add_option("--worker-binary", arguments->worker_binary)->group("");
  command->add_option("--redis-binary", arguments->redis_binary)->group("");
  command->callback([=, &global] {
    *chosen = [arguments, &global] {
      return RunCampaign(*arguments, global.json);
    };
  });
}

}  // namespace merganser
