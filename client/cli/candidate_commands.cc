#include "client/cli/candidate_commands.h"

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/api/campaign_client.h"
#include "client/cli/output.h"
#include "common/campaign_spec/campaign_plan.h"

namespace merganser {
namespace {

// "12 x 7, split 431, mix 0.250": the parents and the (first) split and mix.
std::string Origin(const v1::Candidate& candidate,
                   const v1::CampaignSpec& spec) {
  if (!candidate.has_proposal()) return "seed";
  const v1::Proposal& proposal = candidate.proposal();
  if (!proposal.crossover() || proposal.chromosomes().empty()) {
    const bool mutates = spec.search().mutation_sigma() > 0 ||
                         spec.search().coefficient_mutation() > 0;
    return absl::StrCat(mutates ? "mutant of " : "copy of ",
                        proposal.parent_a());
  }
  const v1::ChromosomeCrossover& first = proposal.chromosomes(0);
  return absl::StrFormat("%d x %d, split %d, mix %.3f", proposal.parent_a(),
                         proposal.parent_b(), first.split_block(), first.mix());
}

std::string CandidateName(const v1::Candidate& candidate,
                          const v1::CampaignSpec& spec) {
  const int64_t seed = candidate.candidate() + spec.seeds_size();
  if (candidate.candidate() < 0 && seed >= 0) {
    return absl::StrCat(candidate.candidate(), " ",
                        spec.seeds(static_cast<int>(seed)).name());
  }
  return absl::StrCat(candidate.candidate());
}

std::string CandidateTable(const std::vector<v1::Candidate>& candidates,
                           const v1::CampaignSpec& spec) {
  std::vector<std::string> header = {"CANDIDATE", "SLOT", "SEARCH", "HOLDOUT",
                                     "ORIGIN"};
  // Only recipes say how much of each seed is in a candidate.
  std::vector<std::string> seeds;
  if (!KeepsWeights(spec)) seeds = RecipeSeedNames(spec);
  const auto shares = static_cast<int>(seeds.size());
  for (const std::string& seed : seeds) {
    header.push_back(absl::StrCat("OF ", absl::AsciiStrToUpper(seed)));
  }
  Table table(header);
  for (const v1::Candidate& candidate : candidates) {
    std::vector<std::string> row = {
        CandidateName(candidate, spec),
        candidate.has_slot() ? absl::StrCat(candidate.slot()) : "-",
        Accuracy(candidate.search_accuracy()), Holdout(candidate),
        Origin(candidate, spec)};
    for (int k = 0; k < shares; ++k) {
      row.push_back(k < candidate.seed_shares_size()
                        ? absl::StrFormat("%.3f", candidate.seed_shares(k))
                        : "-");
    }
    table.Add(std::move(row));
  }
  return table.Text();
}

// Prints what `fetch` gives, with the seeds' names from the campaign.
template <typename Fetch>
int Print(const GlobalOptions& global, const std::string& name, Fetch fetch) {
  const auto client = CampaignClient::Create(global.coordinator);
  if (!client.ok()) return ReportError(client.status());
  const absl::StatusOr<std::vector<v1::Candidate>> candidates = fetch(**client);
  if (!candidates.ok()) return ReportError(candidates.status());
  if (global.json) {
    for (const v1::Candidate& candidate : *candidates) {
      std::cout << ToJson(candidate) << "\n";
    }
    return kExitOk;
  }
  const auto campaign = (*client)->GetCampaign(name);
  if (!campaign.ok()) return ReportError(campaign.status());
  std::cout << CandidateTable(*candidates, campaign->spec());
  return kExitOk;
}

}  // namespace

void AddCandidatesCommand(CLI::App& app, const GlobalOptions& global,
                          CommandBody* chosen,
                          const CandidateDetails& details) {
  const auto name = std::make_shared<std::string>();
  const auto all = std::make_shared<bool>(false);
  CLI::App* const command = AddCommand(
      app, "candidates",
      "List the members of a campaign's archive, with their parents and, "
      "unless "
      "the seeds are random, the share of each seed in their weights",
      "merganser candidates digits-pretrained --all");
  command->add_option("NAME", *name, "Campaign")->required();
  command->add_flag("--all", *all, "All that were ever accepted");
  if (details.add_options) details.add_options(*command);
  command->callback([=, &global] {
    *chosen = [=, &global] {
      if (details.is_wanted && details.is_wanted()) {
        return details.show(*name, global);
      }
      return Print(global, *name, [&](CampaignClient& client) {
        return client.ListCandidates(*name, *all);
      });
    };
  });
}

void AddLineageCommand(CLI::App& app, const GlobalOptions& global,
                       CommandBody* chosen) {
  const auto name = std::make_shared<std::string>();
  const auto candidate = std::make_shared<std::optional<int64_t>>();
  CLI::App* const command =
      AddCommand(app, "lineage",
                 "List a candidate and all its ancestors, the oldest first",
                 "merganser lineage digits-pretrained 4711");
  command->add_option("NAME", *name, "Campaign")->required();
  command->add_option(
      "CANDIDATE", *candidate,
      "Its number: children count from 0; of K seeds, the first in the "
      "campaign file is -K, and so on to -1, the last. The best if left out");
  command->callback([=, &global] {
    *chosen = [=, &global] {
      return Print(global, *name, [&](CampaignClient& client) {
        return client.GetLineage(*name, *candidate);
      });
    };
  });
}

}  // namespace merganser
