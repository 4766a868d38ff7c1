#include "client/cli/file_commands.h"

#include <cstdint>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/api/campaign_client.h"
#include "client/cli/campaign_input.h"
#include "client/cli/output.h"
#include "client/cli/progress_line.h"
#include "client/cli/watch_command.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/campaign_schema.h"

namespace merganser {
namespace {

int64_t Parameters(const v1::ModelSpec& model) {
  int64_t total = 0;
  for (const v1::TensorSpec& tensor : model.tensors()) {
    int64_t elements = 1;
    for (const int64_t extent : tensor.shape()) elements *= extent;
    total += elements;
  }
  return total;
}

// "2 chromosomes, "; nothing of one.
std::string Chromosomes(const v1::ModelSpec& model) {
  if (model.chromosomes_size() < 2) return "";
  return absl::StrCat(model.chromosomes_size(), " chromosomes, ");
}

std::string Summary(const v1::CampaignSpec& spec) {
  int64_t search = 0;
  int64_t holdout = 0;
  for (const v1::TaskSpec& task : spec.tasks()) {
    search += task.search().rows();
    holdout += task.holdout().rows();
  }
  return absl::StrCat(
      "campaign ", spec.name(), " is valid: ", spec.seeds_size(),
      spec.seeds(0).random() ? " random" : "", " seed(s)",
      HasBaseOrigin(spec) ? " and a base" : "", " of ",
      WithThousands(Parameters(spec.model())), " parameters, ",
      Chromosomes(spec.model()), spec.tasks_size(), " task(s), ",
      WithThousands(search), " search and ", WithThousands(holdout),
      " holdout datapoints, ", WithThousands(spec.budget().evaluations()),
      " evaluations");
}

int Validate(const GlobalOptions& global, const FileOptions& file) {
  const absl::StatusOr<v1::CampaignSpec> spec = LoadCampaign(file);
  if (!spec.ok()) return ReportError(spec.status());
  std::cout << (global.json ? ToJson(*spec) : Summary(*spec)) << std::endl;
  return kExitOk;
}

int Submit(const GlobalOptions& global, const FileOptions& file, bool watch) {
  const absl::StatusOr<v1::CampaignSpec> spec = LoadCampaign(file);
  if (!spec.ok()) return ReportError(spec.status());
  const auto client = CampaignClient::Create(global.coordinator);
  if (!client.ok()) return ReportError(client.status());
  const absl::StatusOr<v1::Campaign> campaign =
      (*client)->CreateCampaign(*spec, NewRequestId());
  if (!campaign.ok()) return ReportError(campaign.status());
  if (watch) {
    return WatchToEnd(**client, spec->name(),
                      global.json ? WatchOutput::kJson : WatchOutput::kAuto);
  }
  if (global.json) {
    std::cout << ToJson(*campaign) << std::endl;
  } else {
    std::cout << "submitted; follow it with: merganser watch " << spec->name()
              << std::endl;
  }
  return kExitOk;
}

}  // namespace

void AddValidateCommand(CLI::App& app, const GlobalOptions& global,
                        CommandBody* chosen) {
  const auto file = std::make_shared<FileOptions>();
  const std::string example = absl::StrCat(
      "merganser validate examples/digits-pretrained.yaml --set "
      "search.alpha=0.5\n\nKeys of a campaign file:\n",
      DescribeSchema());
  CLI::App* const command =
      AddCommand(app, "validate",
                 "Check a campaign file and all files that it names", example);
  AddFileOptions(*command, *file);
  command->callback([=, &global] {
    *chosen = [=, &global] { return Validate(global, *file); };
  });
}

void AddSubmitCommand(CLI::App& app, const GlobalOptions& global,
                      CommandBody* chosen) {
  const auto file = std::make_shared<FileOptions>();
  const auto watch = std::make_shared<bool>(false);
  CLI::App* const command =
      AddCommand(app, "submit", "Create a campaign and start it",
                 "merganser submit examples/digits-pretrained.yaml --set "
                 "budget.evaluations=500 --watch");
  AddFileOptions(*command, *file);
  command->add_flag("--watch", *watch, "Follow it until it has ended");
  command->callback([=, &global] {
    *chosen = [=, &global] { return Submit(global, *file, *watch); };
  });
}

}  // namespace merganser
