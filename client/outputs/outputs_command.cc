#include "client/outputs/outputs_command.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "client/cli/interrupt.h"
#include "client/embedded/temporary_folder.h"
#include "client/eval/model_evaluation.h"
#include "client/outputs/candidate_outputs.h"
#include "client/outputs/recorded_candidate.h"
#include "client/replay/record_subject.h"
#include "client/results/campaign_record.h"
#include "client/results/winner.h"
#include "client/results/winner_folder.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/command_line/device_name.h"
#include "common/genome/thread_team.h"

namespace merganser {
namespace {

constexpr int kMostThreads = 1024;

struct OutputsArguments {
  bool outputs = false;
  std::optional<int64_t> candidate;
  std::string models_root;
  std::string work_folder;
  std::string device = "auto";
  int threads = 0;  // 0 = those of the run that the folder is of, else 1
  std::string worker_binary;
};

absl::Status CheckHasOutputs(const v1::Campaign& campaign) {
  if (IsLanguageModel(campaign.spec().model())) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("campaign ", campaign.name(),
                   ": only candidates of language models have outputs"));
}

// Makes the candidate's model in the folder.
absl::Status MakeModel(const RecordedCandidate& candidate,
                       const v1::CampaignSpec& spec,
                       const std::string& models_root,
                       const std::string& folder) {
  ThreadTeam team(
      static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
  ASSIGN_OR_RETURN(const CampaignSeeds seeds,
                   OpenLocalSeeds(spec, models_root, team));
  return WriteModelFolder(folder, candidate.recipe, seeds, team, Interrupted,
                          [](CheckpointWriter&) { return absl::OkStatus(); });
}

absl::Status Show(const OutputsArguments& arguments, const std::string& name,
                  const GlobalOptions& global) {
  CatchInterrupts();
  ASSIGN_OR_RETURN(const TemporaryFolder fetched, TemporaryFolder::Create());
  ASSIGN_OR_RETURN(const RecordSubject subject,
                   FindRecord(name, global.coordinator, fetched.path()));
  ASSIGN_OR_RETURN(const auto record,
                   RecordReader::Open(subject.record_folder));
  const v1::Campaign& campaign = record->header().campaign();
  RETURN_IF_ERROR(CheckHasOutputs(campaign));
  ASSIGN_OR_RETURN(const RecordedCandidate candidate,
                   FindCandidate(*record, arguments.candidate, Interrupted));
  if (!candidate.replays) {
    std::cerr << "merganser: " << name
              << ": its record does not agree with itself; see merganser "
                 "verify\n";
  }
  const std::string place =
      arguments.work_folder.empty()
          ? std::filesystem::temp_directory_path().string()
          : arguments.work_folder;
  ASSIGN_OR_RETURN(const TemporaryFolder work,
                   TemporaryFolder::CreateIn(std::filesystem::absolute(place)));
  const std::string model = work.path() + "/model";
  RETURN_IF_ERROR(
      MakeModel(candidate, campaign.spec(), arguments.models_root, model));
  OutputPage page(campaign.spec(), candidate, global.json, std::cout);
  const auto take = [&](int, const EvalPartSummary& part,
                        const v1::EvalScores& scores) {
    return page.Take(part, scores);
  };
  RETURN_IF_ERROR(EvaluateModel({.binary = arguments.worker_binary,
                                 .device = arguments.device,
                                 .threads = arguments.threads > 0
                                                ? arguments.threads
                                                : subject.threads_per_worker,
                                 .interrupted = Interrupted},
                                OutputsRequest(campaign.spec(), candidate,
                                               arguments.models_root, model),
                                take)
                      .status());
  std::cout << std::flush;
  std::cerr << "merganser: " << page.Comparison() << std::endl;
  return absl::OkStatus();
}

void AddOptions(CLI::App& command, OutputsArguments& arguments) {
  CLI::Option* const outputs = command.add_flag(
      "--outputs", arguments.outputs,
      "Make one candidate of language models again, run it over the campaign's "
      "datapoints and show prompt, output, expected answer and score of each. "
      "NAME may be a folder of results; seeds and data are read here");
  outputs->excludes(command.get_option("--all"));
  command
      .add_option("CANDIDATE", arguments.candidate,
                  "With --outputs: its number; children count from 0, of K "
                  "seeds the first is -K. The best if left out")
      ->needs(outputs);
  command
      .add_option("--models-root", arguments.models_root,
                  "Where relative paths of seeds and data start")
      ->type_name("DIR")
      ->needs(outputs);
  command
      .add_option("--work-folder", arguments.work_folder,
                  "Where the candidate's weights lie meanwhile, in a folder "
                  "that goes with the command; default $TMPDIR or /tmp")
      ->type_name("DIR")
      ->needs(outputs);
  command
      .add_option("--device", arguments.device,
                  "Where the candidate runs: cpu, cuda:N, or auto. Other "
                  "devices than the campaign's may give other scores")
      ->check(DeviceName())
      ->capture_default_str()
      ->needs(outputs);
  command
      .add_option("--threads", arguments.threads,
                  "Threads of a forward pass; default as in the run")
      ->check(CLI::Range(1, kMostThreads))
      ->needs(outputs);
  // For tests. An empty group hides it from --help.
  command.add_option("--worker-binary", arguments.worker_binary)->group("");
}

}  // namespace

CandidateDetails CandidateOutputs() {
  const auto arguments = std::make_shared<OutputsArguments>();
  return {
      .add_options =
          [arguments](CLI::App& command) { AddOptions(command, *arguments); },
      .is_wanted = [arguments] { return arguments->outputs; },
      .show =
          [arguments](const std::string& name, const GlobalOptions& global) {
            const absl::Status shown = Show(*arguments, name, global);
            return shown.ok() ? kExitOk : ReportError(shown);
          }};
}

}  // namespace merganser
