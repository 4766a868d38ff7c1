#include "client/cli/watch_command.h"

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/interrupt.h"
#include "client/cli/output.h"
#include "client/cli/progress_line.h"
#include "common/base/clock.h"

namespace merganser {
namespace {

int ReportEnd(const v1::Campaign& campaign) {
  if (campaign.state() == v1::CAMPAIGN_STATE_COMPLETED) return kExitOk;
  const std::string reason =
      campaign.message().empty() ? "" : absl::StrCat(": ", campaign.message());
  return ReportError(absl::InternalError(absl::StrCat(
      "campaign ", campaign.name(), " ", StateName(campaign.state()), reason)));
}

int ReportBroken(const std::string& name, const absl::Status& status) {
  if (!absl::IsCancelled(status)) return ReportError(status);
  return ReportError(absl::CancelledError(
      absl::StrCat("interrupted; the campaign goes on: merganser watch ", name,
                   ", or merganser cancel ", name)));
}

int Watch(const GlobalOptions& global, const std::string& name) {
  const auto client = CampaignClient::Create(global.coordinator);
  if (!client.ok()) return ReportError(client.status());
  return WatchToEnd(**client, name, global.json);
}

}  // namespace

int WatchToEnd(CampaignClient& client, const std::string& name, bool json) {
  CatchInterrupts();
  ProgressPrinter printer(std::cout, ProgressPrinter::StandardOutput());
  const auto end = client.Watch(
      name, {.interrupted = Interrupted}, [&](const v1::Campaign& campaign) {
        if (json) {
          std::cout << ToJson(campaign) << std::endl;
        } else {
          printer.Show(campaign, Clock::Monotonic().Now());
        }
      });
  printer.Finish();
  return end.ok() ? ReportEnd(*end) : ReportBroken(name, end.status());
}

void AddWatchCommand(CLI::App& app, const GlobalOptions& global,
                     CommandBody* chosen) {
  const auto name = std::make_shared<std::string>();
  CLI::App* const command = AddCommand(
      app, "watch",
      "Show a campaign's progress until it has ended. Exit code: 0 completed, "
      "1 failed or cancelled",
      "merganser watch digits-pretrained");
  command->add_option("NAME", *name, "Campaign")->required();
  command->callback([=, &global] {
    *chosen = [=, &global] { return Watch(global, *name); };
  });
}

}  // namespace merganser
