#include "client/cli/service_commands.h"

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/api/campaign_client.h"
#include "client/cli/application.h"
#include "client/cli/output.h"
#include "client/cli/progress_line.h"
#include "common/net/protocol.h"

namespace merganser {
namespace {

int Workers(const GlobalOptions& global) {
  const auto client = CampaignClient::Create(global.coordinator);
  if (!client.ok()) return ReportError(client.status());
  const auto workers = (*client)->ListWorkers();
  if (!workers.ok()) return ReportError(workers.status());
  Table table({"NAME", "LEASED", "EXECUTING", "DONE", "SILENT", "VERSION",
               "ADDRESS", "DEVICE CLASS"});
  std::string refusals;
  for (const v1::Worker& worker : *workers) {
    if (global.json) std::cout << ToJson(worker) << "\n";
    table.Add({absl::StrCat(worker.name(), worker.draining() ? " (ends)" : ""),
               absl::StrCat(worker.leased_jobs()),
               absl::StrCat(worker.executing_jobs()),
               WithThousands(worker.completed_jobs()),
               absl::StrFormat("%.1f s", worker.silent_seconds()),
               worker.version(), worker.peer(), worker.device_class()});
    for (const std::string& refusal : worker.refusals()) {
      absl::StrAppend(&refusals, worker.name(), ": ", refusal, "\n");
    }
  }
  if (!global.json) std::cout << table.Text() << refusals;
  return kExitOk;
}

int Dump(const GlobalOptions& global, const std::string& name) {
  const auto client = CampaignClient::Create(global.coordinator);
  if (!client.ok()) return ReportError(client.status());
  return ReportError(
      (*client)->Dump(name, [&](const v1::DumpCampaignResponse& entry) {
        if (global.json) {
          std::cout << ToJson(entry) << "\n";
        } else {
          std::cout << entry.key() << "  " << entry.value() << "\n";
        }
      }));
}

int Version(const GlobalOptions& global) {
  if (global.json) {
    std::cout << "{\"version\":\"" << MERGANSER_VERSION
              << "\",\"protocol_version\":" << kProtocolVersion << "}\n";
  } else {
    std::cout << VersionText() << "\n";
  }
  return kExitOk;
}

}  // namespace

void AddWorkersCommand(CLI::App& app, const GlobalOptions& global,
                       CommandBody* chosen) {
  CLI::App* const command =
      AddCommand(app, "workers", "List the workers", "merganser workers");
  command->callback(
      [=, &global] { *chosen = [&global] { return Workers(global); }; });
}

void AddDebugCommand(CLI::App& app, const GlobalOptions& global,
                     CommandBody* chosen) {
  CLI::App* const debug = AddCommand(app, "debug", "Look inside",
                                     "merganser debug dump digits-pretrained");
  debug->require_subcommand(1);
  const auto name = std::make_shared<std::string>();
  CLI::App* const dump =
      AddCommand(*debug, "dump", "Print what Redis holds of a campaign",
                 "merganser debug dump digits-pretrained");
  dump->add_option("NAME", *name, "Campaign")->required();
  dump->callback(
      [=, &global] { *chosen = [=, &global] { return Dump(global, *name); }; });
}

void AddVersionCommand(CLI::App& app, const GlobalOptions& global,
                       CommandBody* chosen) {
  CLI::App* const command =
      AddCommand(app, "version", "Print the version", "merganser version");
  command->callback(
      [=, &global] { *chosen = [&global] { return Version(global); }; });
}

}  // namespace merganser
