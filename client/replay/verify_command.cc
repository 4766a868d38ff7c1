#include "client/replay/verify_command.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "client/cli/progress_line.h"
#include "client/embedded/process.h"
#include "client/embedded/run_directory.h"
#include "client/embedded/temporary_folder.h"
#include "client/replay/score_worker.h"
#include "client/replay/verification.h"
#include "client/results/fetch_record.h"
#include "client/results/write_results.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/command_line/device_name.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

constexpr int kMostThreads = 1024;

constexpr char kExitCodes[] = R"(

Exit codes:
  0    all is the same
  1    something differs
  2    bad usage; or it cannot be verified: a file of the folder, a seed or a
       data file is missing or cannot be read, or evaluating again failed
  3    the coordinator cannot be reached, or merganser-worker is missing
  4    there is no such campaign)";

std::optional<RescoreChoice> RescoreChoiceOf(const std::string& name) {
  if (name == "all") return RescoreChoice::kAll;
  if (name == "accepted") return RescoreChoice::kAccepted;
  if (name == "none") return RescoreChoice::kNone;
  return std::nullopt;
}

CLI::Validator RescoreName() {
  return CLI::Validator(
      [](const std::string& name) {
        return RescoreChoiceOf(name).has_value()
                   ? std::string()
                   : absl::StrCat("expected all, accepted or none; got \"",
                                  name, "\"");
      },
      "");
}

struct VerifyArguments {
  std::string subject;  // a campaign's name, or a folder
  std::string rescore = "all";
  std::string models_root;
  std::string device = "auto";
  int threads = 0;  // 0 = those of the run that the folder is of, else 1
  std::string worker_binary;
};

// Where the record and the results are.
struct Subject {
  std::string record_folder;
  std::optional<std::string> result_folder;
  int threads_per_worker = 1;
};

// Threads per worker of an embedded run in the folder; 1 for an export.
int ThreadsOfRun(const std::string& folder) {
  const auto text = ReadFile(folder + "/campaign.json");
  if (!text.ok()) return 1;
  const auto identity = IdentityFromJson(*text);
  return identity.ok() ? std::max(1, identity->threads_per_worker) : 1;
}

absl::StatusOr<Subject> FindSubject(const std::string& name,
                                    const std::string& coordinator,
                                    const TemporaryFolder& temporary) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(name, ignored)) {
    Subject subject{.record_folder = temporary.path() + "/record"};
    RETURN_IF_ERROR(FetchRecord(coordinator, name, subject.record_folder));
    return subject;
  }
  Subject subject{.record_folder = absl::StrCat(name, "/", kReplayFolder),
                  .result_folder = name,
                  .threads_per_worker = ThreadsOfRun(name)};
  if (!std::filesystem::is_directory(subject.record_folder, ignored)) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": expected a folder of results with ", kReplayFolder,
        "/ in it, as `merganser run` and `merganser export` write it"));
  }
  return subject;
}

std::string BlobsIn(const TemporaryFolder& temporary) {
  return temporary.path() + "/blobs";
}

absl::StatusOr<std::unique_ptr<Scorer>> StartScorer(
    const VerifyArguments& arguments, int threads,
    const TemporaryFolder& temporary, const v1::CampaignSpec& spec) {
  ScoreWorker::Options options{.binary = arguments.worker_binary,
                               .spec_file = temporary.path() + "/spec.pb",
                               .models_root = arguments.models_root,
                               .device = arguments.device,
                               .threads = threads};
  if (KeepsWeights(spec)) options.blobs_folder = BlobsIn(temporary);
  if (options.binary.empty()) {
    ASSIGN_OR_RETURN(options.binary, BesideOwnExecutable("merganser-worker"));
  }
  RETURN_IF_ERROR(
      WriteFileAtomically(options.spec_file, spec.SerializeAsString()));
  return ScoreWorker::Start(options);
}

// A line that is rewritten in place; nothing where stderr is no terminal.
void ShowProgress(int64_t done, int64_t all) {
  if (isatty(STDERR_FILENO) == 0) return;
  std::cerr << "\rreplayed " << WithThousands(done) << " of "
            << WithThousands(all) << " results" << std::flush;
}

void EndProgress() {
  if (isatty(STDERR_FILENO) != 0) std::cerr << "\r\033[K" << std::flush;
}

void PrintText(const VerifyReport& report) {
  for (const std::string& warning : report.warnings) {
    std::cerr << "merganser: " << warning << "\n";
  }
  for (const Difference& difference : report.differences.first()) {
    std::cout << difference.ToString() << "\n";
  }
  const auto shown = static_cast<int64_t>(report.differences.first().size());
  if (shown < report.differences.count()) {
    std::cout << "… and " << WithThousands(report.differences.count() - shown)
              << " more\n";
  }
  std::cout << report.LastLine() << std::endl;
}

void PrintJson(const VerifyReport& report) {
  using nlohmann::ordered_json;
  const bool same = report.winner == WinnerCheck::kSame;
  const bool differs = report.winner == WinnerCheck::kDiffers;
  ordered_json differences = ordered_json::array();
  for (const Difference& difference : report.differences.first()) {
    differences.push_back({{"where", difference.where},
                           {"field", difference.field},
                           {"expected", difference.expected},
                           {"found", difference.found}});
  }
  const ordered_json page = {
      {"verified", report.verified()},
      {"results", report.replay.results},
      {"archive_digest", report.replay.archive_digest.ToHex()},
      {"winner_compared", same || differs},
      {"winner_differs",
       same || differs ? ordered_json(differs) : ordered_json()},
      {"rescored", report.rescored},
      {"difference_count", report.differences.count()},
      {"differences", differences},
      {"missing", report.missing},
      {"warnings", report.warnings}};
  std::cout << page.dump() << std::endl;
}

absl::StatusOr<VerifyReport> VerifySubject(const VerifyArguments& arguments,
                                           const GlobalOptions& global) {
  ASSIGN_OR_RETURN(const TemporaryFolder temporary, TemporaryFolder::Create());
  ASSIGN_OR_RETURN(
      const Subject subject,
      FindSubject(arguments.subject, global.coordinator, temporary));
  const int threads =
      arguments.threads > 0 ? arguments.threads : subject.threads_per_worker;
  VerifyOptions options{
      .record_folder = subject.record_folder,
      .result_folder = subject.result_folder,
      .models_root = arguments.models_root,
      .rescore = *RescoreChoiceOf(arguments.rescore),
      .start_scorer =
          [&](const v1::CampaignSpec& spec) {
            return StartScorer(arguments, threads, temporary, spec);
          },
      .blobs_folder = BlobsIn(temporary),
      .threads =
          static_cast<int>(std::max(1u, std::thread::hardware_concurrency())),
      .progress = ShowProgress};
  return Verify(options);
}

int RunVerify(const VerifyArguments& arguments, const GlobalOptions& global) {
  const auto report = VerifySubject(arguments, global);
  EndProgress();
  if (!report.ok()) {
    // 1 is kept for differences.
    const int code = ReportError(report.status());
    return code == kExitFailed ? kExitBadInput : code;
  }
  if (global.json) {
    PrintJson(*report);
  } else {
    PrintText(*report);
  }
  if (report->verified()) return kExitOk;
  return report->differences.empty() ? kExitBadInput : kExitFailed;
}

void AddOptions(CLI::App& command, VerifyArguments& arguments) {
  command
      .add_option("SUBJECT", arguments.subject,
                  "A folder of results, or a campaign's name")
      ->type_name("NAME|DIR")
      ->required();
  command
      .add_option("--rescore", arguments.rescore,
                  "Which candidates to evaluate again: all, accepted (seeds "
                  "and children that entered the archive) or none")
      ->check(RescoreName())
      ->type_name("all|accepted|none")
      ->capture_default_str();
  command.add_option("--models-root", arguments.models_root,
                     "Where relative paths of seeds and data start");
  command
      .add_option("--device", arguments.device,
                  "Where candidates are evaluated: cpu, cuda:N, or auto. Other "
                  "devices than the campaign's may give other scores")
      ->check(DeviceName())
      ->capture_default_str();
  command
      .add_option("--threads", arguments.threads,
                  "Threads of a forward pass; default as in the run. Others "
                  "may give other scores")
      ->check(CLI::Range(1, kMostThreads));
  // For tests. An empty group hides it from --help.
  command.add_option("--worker-binary", arguments.worker_binary)->group("");
}

}  // namespace

void AddVerifyCommand(CLI::App& app, const GlobalOptions& global,
                      CommandBody* chosen) {
  auto arguments = std::make_shared<VerifyArguments>();
  CLI::App* command = AddCommand(
      app, "verify",
      "Derive a campaign's archive again from its log, make a folder's winner "
      "again "
      "from the seeds (of a campaign from random seeds, every child that was "
      "evaluated), and evaluate the candidates again",
      "merganser verify runs/digits-pretrained");
  command->footer(absl::StrCat(command->get_footer(), kExitCodes));
  AddOptions(*command, *arguments);
  command->callback([=, &global] {
    *chosen = [=, &global] { return RunVerify(*arguments, global); };
  });
}

}  // namespace merganser
