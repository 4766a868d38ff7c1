#include "client/merge/inspect_command.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <thread>

#include "client/merge/model_summary.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

struct InspectArguments {
  std::string path;
  bool no_digest = false;
};

absl::StatusOr<ModelSummary> Inspect(const InspectArguments& arguments) {
  ASSIGN_OR_RETURN(const OpenedModel model, OpenModel(arguments.path));
  ASSIGN_OR_RETURN(ModelSummary summary, SummaryOf(model));
  if (!arguments.no_digest) {
    ThreadTeam team(
        std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
    summary.digest = DigestOf(model, team);
  }
  return summary;
}

int RunInspect(const InspectArguments& arguments, const GlobalOptions& global) {
  const auto summary = Inspect(arguments);
  if (!summary.ok()) return ReportError(summary.status());
  std::cout << (global.json ? SummaryJson(*summary) : SummaryText(*summary))
            << std::flush;
  return kExitOk;
}

}  // namespace

void AddInspectCommand(CLI::App& app, const GlobalOptions& global,
                       CommandBody* chosen) {
  const auto arguments = std::make_shared<InspectArguments>();
  CLI::App* const command = AddCommand(
      app, "inspect",
      "Check a model and say what it is: a Hugging Face folder of the Llama "
      "family, or a safetensors file of an mlp.",
      "merganser inspect models/some-model");
  command->add_option("PATH", arguments->path, "The folder or file")
      ->required();
  command->add_flag("--no-digest", arguments->no_digest,
                    "Do not read the weights for their digest");
  command->callback([=, &global] {
    *chosen = [arguments, &global] { return RunInspect(*arguments, global); };
  });
}

}  // namespace merganser
