#include "client/cli/watch_command.h"

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/interrupt.h"
#include "client/cli/live_watch.h"
#include "client/cli/output.h"
#include "client/cli/progress_line.h"
#include "client/terminal/full_screen.h"
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

absl::StatusOr<v1::Campaign> WatchByLines(CampaignClient& client,
                                          const std::string& name, bool json) {
  CatchInterrupts();
  ProgressPrinter printer(std::cout, ProgressPrinter::StandardOutput());
  auto end = client.Watch(name, {.interrupted = Interrupted},
                          [&](const v1::Campaign& campaign) {
                            if (json) {
                              std::cout << ToJson(campaign) << std::endl;
                            } else {
                              printer.Show(campaign, Clock::Monotonic().Now());
                            }
                          });
  printer.Finish();
  return end;
}

struct WatchArguments {
  std::string name;
  bool plain = false;
};

int Watch(const GlobalOptions& global, const WatchArguments& arguments) {
  // Short: while a call waits, nothing is drawn.
  const auto client = CampaignClient::Create(global.coordinator,
                                             {.deadline = absl::Seconds(5)});
  if (!client.ok()) return ReportError(client.status());
  return WatchToEnd(**client, arguments.name,
                    global.json       ? WatchOutput::kJson
                    : arguments.plain ? WatchOutput::kLines
                                      : WatchOutput::kAuto);
}

}  // namespace

int WatchToEnd(CampaignClient& client, const std::string& name,
               WatchOutput output) {
  const auto end =
      output == WatchOutput::kAuto && CanRedraw()
          ? WatchLive(client, name)
          : WatchByLines(client, name, output == WatchOutput::kJson);
  return end.ok() ? ReportEnd(*end) : ReportBroken(name, end.status());
}

void AddWatchCommand(CLI::App& app, const GlobalOptions& global,
                     CommandBody* chosen) {
  const auto arguments = std::make_shared<WatchArguments>();
  CLI::App* const command = AddCommand(
      app, "watch",
      "Show a campaign's progress until it has ended: on a terminal as a live "
      "view, else as a line now and then. Exit code: 0 completed, 1 failed or "
      "cancelled. Ctrl-C ends the view, not the campaign",
      "merganser watch digits-pretrained");
  command->add_option("NAME", arguments->name, "Campaign")->required();
  command->add_flag("--plain", arguments->plain,
                    "One line, on a terminal, too");
  command->callback([=, &global] {
    *chosen = [=, &global] { return Watch(global, *arguments); };
  });
}

}  // namespace merganser
