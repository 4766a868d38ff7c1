#include "client/cli/campaign_commands.h"

#include <functional>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/api/campaign_client.h"
#include "client/cli/output.h"
#include "client/cli/progress_line.h"

namespace merganser {
namespace {

std::string Evaluations(const v1::Campaign& campaign) {
  return absl::StrCat(WithThousands(campaign.progress().evaluations()), "/",
                      WithThousands(campaign.spec().budget().evaluations()));
}

int List(const GlobalOptions& global) {
  const auto client = CampaignClient::Create(global.coordinator);
  if (!client.ok()) return ReportError(client.status());
  const auto campaigns = (*client)->ListCampaigns();
  if (!campaigns.ok()) return ReportError(campaigns.status());
  Table table({"NAME", "STATE", "EVALUATIONS", "BEST", "HOLDOUT", "COVERAGE",
               "CREATED (UTC)"});
  for (const v1::Campaign& campaign : *campaigns) {
    if (global.json) {
      std::cout << ToJson(campaign) << "\n";
      continue;
    }
    const v1::Progress& progress = campaign.progress();
    const bool has_best = progress.has_best();
    table.Add({campaign.name(), StateName(campaign.state()),
               Evaluations(campaign),
               has_best ? Accuracy(progress.best().search_accuracy()) : "-",
               Holdout(progress.best()),
               has_best ? Accuracy(progress.coverage()) : "-",
               TimeText(campaign.create_time())});
  }
  if (!global.json) std::cout << table.Text();
  return kExitOk;
}

// The words and values of a campaign, one pair a line.
void PrintFacts(const v1::Campaign& campaign) {
  const v1::Progress& progress = campaign.progress();
  const auto print = [](const char* word, const std::string& value) {
    std::cout << absl::StrFormat("%-15s %s\n", word, value);
  };
  print("name", campaign.name());
  print("state", StateName(campaign.state()));
  if (!campaign.message().empty()) print("message", campaign.message());
  for (const std::string& condition : campaign.conditions()) {
    print("condition", condition);
  }
  print("created", absl::StrCat(TimeText(campaign.create_time()), " UTC"));
  print("device class",
        campaign.device_class().empty() ? "-" : campaign.device_class());
  print("evaluations", Evaluations(campaign));
  print("accepted", WithThousands(progress.accepted()));
  if (progress.quarantined() > 0) {
    print("quarantined", WithThousands(progress.quarantined()));
  }
  if (progress.conflicts() > 0) {
    print("conflicts", WithThousands(progress.conflicts()));
  }
  if (progress.nan_chunks() > 0) {
    print("chunks with NaN", WithThousands(progress.nan_chunks()));
  }
  // Before the seeds are evaluated there is nothing that could be measured.
  const bool measured = progress.has_best();
  print("coverage", measured ? Accuracy(progress.coverage()) : "-");
  print("entropy",
        measured ? absl::StrFormat("%.4f bits", progress.entropy()) : "-");
  print("active", absl::StrFormat("%.1f s", progress.active_seconds()));
  print("archive digest", measured ? Hex(progress.archive_digest()) : "-");
}

// Indented below their model; of a single task, it would be a repetition.
template <typename Scored>
void AddTasks(const Scored& scored, Table& table) {
  if (scored.tasks_size() < 2) return;
  for (const v1::TaskScore& task : scored.tasks()) {
    table.Add(
        {"  " + task.name(), Accuracy(task.search_accuracy()), Holdout(task)});
  }
}

void PrintScores(const v1::Progress& progress) {
  Table table({"MODEL", "SEARCH", "HOLDOUT"});
  for (const v1::SeedScore& seed : progress.seeds()) {
    table.Add({seed.name(), Accuracy(seed.search_accuracy()), Holdout(seed)});
    AddTasks(seed, table);
  }
  if (progress.has_best()) {
    table.Add({absl::StrCat("best: ", progress.best().candidate()),
               Accuracy(progress.best().search_accuracy()),
               Holdout(progress.best())});
    AddTasks(progress.best(), table);
  }
  std::cout << "\n" << table.Text();
}

int Get(const GlobalOptions& global, const std::string& name) {
  const auto client = CampaignClient::Create(global.coordinator);
  if (!client.ok()) return ReportError(client.status());
  const auto campaign = (*client)->GetCampaign(name);
  if (!campaign.ok()) return ReportError(campaign.status());
  if (global.json) {
    std::cout << ToJson(*campaign) << "\n";
    return kExitOk;
  }
  PrintFacts(*campaign);
  if (campaign->progress().has_best()) PrintScores(campaign->progress());
  return kExitOk;
}

using Change = std::function<absl::StatusOr<v1::Campaign>(CampaignClient&,
                                                          const std::string&)>;

int ChangeState(const GlobalOptions& global, const std::string& name,
                const Change& change) {
  const auto client = CampaignClient::Create(global.coordinator);
  if (!client.ok()) return ReportError(client.status());
  const absl::StatusOr<v1::Campaign> campaign = change(**client, name);
  if (!campaign.ok()) return ReportError(campaign.status());
  if (global.json) {
    std::cout << ToJson(*campaign) << "\n";
  } else {
    std::cout << name << ": " << StateName(campaign->state()) << "\n";
  }
  return kExitOk;
}

int Delete(const GlobalOptions& global, const std::string& name) {
  const auto client = CampaignClient::Create(global.coordinator);
  if (!client.ok()) return ReportError(client.status());
  const absl::Status status = (*client)->DeleteCampaign(name);
  if (!status.ok()) return ReportError(status);
  if (global.json) {
    std::cout << ToJson(v1::DeleteCampaignResponse()) << "\n";
  } else {
    std::cout << name << ": deleted\n";
  }
  return kExitOk;
}

// A command whose one argument is a campaign's name.
void AddNamedCommand(CLI::App& app, CommandBody* chosen,
                     const std::string& command_name,
                     const std::string& description,
                     const std::function<int(const std::string&)>& body) {
  const auto name = std::make_shared<std::string>();
  CLI::App* const command = AddCommand(
      app, command_name, description,
      absl::StrCat("merganser ", command_name, " digits-pretrained"));
  command->add_option("NAME", *name, "Campaign")->required();
  command->callback([=] { *chosen = [=] { return body(*name); }; });
}

}  // namespace

void AddListCommand(CLI::App& app, const GlobalOptions& global,
                    CommandBody* chosen) {
  CLI::App* const command =
      AddCommand(app, "list", "List the campaigns", "merganser list");
  command->callback(
      [=, &global] { *chosen = [&global] { return List(global); }; });
}

void AddGetCommand(CLI::App& app, const GlobalOptions& global,
                   CommandBody* chosen) {
  AddNamedCommand(
      app, chosen, "get", "Show one campaign",
      [&global](const std::string& name) { return Get(global, name); });
}

void AddStateCommands(CLI::App& app, const GlobalOptions& global,
                      CommandBody* chosen) {
  const auto add = [&](const std::string& command,
                       const std::string& description, const Change& change) {
    AddNamedCommand(app, chosen, command, description,
                    [&global, change](const std::string& name) {
                      return ChangeState(global, name, change);
                    });
  };
  add("pause", "Stop handing out work; what is under way still counts",
      [](CampaignClient& client, const std::string& name) {
        return client.PauseCampaign(name);
      });
  add("resume", "Go on with a paused campaign",
      [](CampaignClient& client, const std::string& name) {
        return client.ResumeCampaign(name);
      });
  add("cancel", "End a campaign for good; what it has found stays readable",
      [](CampaignClient& client, const std::string& name) {
        return client.CancelCampaign(name);
      });
  AddNamedCommand(
      app, chosen, "delete", "Remove all of a campaign that has ended",
      [&global](const std::string& name) { return Delete(global, name); });
}

}  // namespace merganser
