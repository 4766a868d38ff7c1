#include "client/results/export_command.h"

#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "client/api/campaign_client.h"
#include "client/cli/interrupt.h"
#include "client/eval/winner_outputs.h"
#include "client/results/result_table.h"
#include "client/results/winner_folder.h"
#include "client/results/write_results.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/command_line/device_name.h"

namespace merganser {
namespace {

struct ExportArguments {
  std::string name;
  std::string output;
  std::string models_root;
  bool no_weights = false;
  std::string device = "auto";
  std::string worker_binary;
};

// Of the tasks that ask for them.
absl::Status AddOutputs(const ExportArguments& arguments,
                        const v1::CampaignSpec& spec, WrittenResults& written) {
  if (arguments.no_weights || !KeepsOutputs(spec)) return absl::OkStatus();
  CatchInterrupts();
  RETURN_IF_ERROR(WriteWinnerOutputs(
      spec, arguments.models_root,
      absl::StrCat(arguments.output, "/", kWinnerFolder),
      absl::StrCat(arguments.output, "/", kWinnerOutputsFile),
      {.binary = arguments.worker_binary,
       .device = arguments.device,
       .interrupted = Interrupted}));
  written.files = ResultFilesIn(arguments.output);
  return absl::OkStatus();
}

absl::StatusOr<WrittenResults> Export(const ExportArguments& arguments,
                                      const GlobalOptions& global) {
  ASSIGN_OR_RETURN(const auto client,
                   CampaignClient::Create(global.coordinator));
  // Before anything is made: the name may be wrong, or nobody at home.
  ASSIGN_OR_RETURN(const v1::Campaign campaign,
                   client->GetCampaign(arguments.name));
  if (campaign.progress().archive_digest().empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "campaign ", arguments.name,
        " has nothing to export yet: its seeds are not evaluated"));
  }
  RETURN_IF_ERROR(CheckExportFolder(arguments.output, campaign.uid()));
  std::error_code error;
  const bool is_new =
      std::filesystem::create_directories(arguments.output, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat(arguments.output, ": cannot create: ", error.message()));
  }
  const auto source = [&](ExportPart part) {
    return client->Export(arguments.name, /*without_log=*/false, part);
  };
  auto written = WriteResults(source, {.folder = arguments.output,
                                       .models_root = arguments.models_root,
                                       .weights = !arguments.no_weights});
  if (!written.ok() && is_new) {
    std::filesystem::remove(arguments.output, error);  // fails unless empty
  }
  if (absl::IsInvalidArgument(written.status()) &&
      !KeepsWeights(campaign.spec())) {
    return absl::InvalidArgumentError(absl::StrCat(
        written.status().message(),
        "; export where the seeds can be read, point --models-root at them, "
        "or leave the weights out by --no-weights"));
  }
  if (written.ok()) {
    RETURN_IF_ERROR(AddOutputs(arguments, campaign.spec(), *written));
  }
  return written;
}

int RunExport(const ExportArguments& arguments, const GlobalOptions& global) {
  const auto written = Export(arguments, global);
  if (!written.ok()) return ReportError(written.status());
  std::cout << (global.json ? SummaryToJsonLine(written->summary)
                            : ResultTable(written->summary, arguments.output,
                                          written->files))
            << std::flush;
  return kExitOk;
}

}  // namespace

void AddExportCommand(CLI::App& app, const GlobalOptions& global,
                      CommandBody* chosen) {
  auto arguments = std::make_shared<ExportArguments>();
  CLI::App* command = AddCommand(
      app, "export",
      "Write a campaign's results to a folder: the best member's weights and "
      "recipe, summary, curve, and the record that `verify` replays. Works "
      "while the campaign runs, too.",
      "merganser export digits-pretrained --output digits");
  command->add_option("NAME", arguments->name, "The campaign")->required();
  command->add_option("--output", arguments->output, "Folder to write to")
      ->required();
  command->add_option("--models-root", arguments->models_root,
                      "Where relative paths of seeds start");
  command->add_flag(
      "--no-weights", arguments->no_weights,
      "Do not make the weights, for which seeds from files are read");
  command
      ->add_option("--device", arguments->device,
                   "Where the winner runs for tasks with keep_outputs: cpu, "
                   "cuda:N, or auto")
      ->check(DeviceName())
      ->capture_default_str();
  // For tests. An empty group hides it from --help.
  command->add_option("--worker-binary", arguments->worker_binary)->group("");
  command->callback([=, &global] {
    *chosen = [arguments, &global] { return RunExport(*arguments, global); };
  });
}

}  // namespace merganser
