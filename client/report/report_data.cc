#include "client/report/report_data.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/archive/exported_archive.h"
#include "client/archive/niche_map.h"
#include "client/cli/progress_rate.h"
#include "client/report/campaign_history.h"
#include "client/results/summary.h"
#include "client/results/winner.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/proposal_proto.h"
#include "common/genome/contributions.h"
#include "common/genome_proto/genome_proto.h"

namespace merganser {
namespace {

using nlohmann::ordered_json;

constexpr int kNicheColumns = 32;
// Of longer campaigns the page shows every so-manieth point, or the youngest
// ancestors.
constexpr size_t kMostPoints = 2000;
constexpr size_t kMostAncestors = 1000;

ordered_json CampaignJson(const v1::Campaign& campaign) {
  return {{"name", campaign.name()},
          {"uid", campaign.uid()},
          {"description", campaign.spec().description()},
          {"message", campaign.message()},
          {"device_class", campaign.device_class()},
          {"created",
           campaign.create_time().seconds() == 0
               ? ""
               : absl::FormatTime(
                     "%Y-%m-%d %H:%M UTC",
                     absl::FromUnixSeconds(campaign.create_time().seconds()),
                     absl::UTCTimeZone())},
          {"active_seconds", campaign.progress().active_seconds()}};
}

const char* OnOff(bool on) { return on ? "on" : "off"; }

// What the campaign was asked for, as name and value.
ordered_json SettingsJson(const v1::CampaignSpec& spec,
                          const ScheduleOptions& options) {
  const v1::SearchSpec& search = spec.search();
  ordered_json settings = ordered_json::array();
  const auto add = [&](const char* name, const std::string& value) {
    settings.push_back({{"name", name}, {"value", value}});
  };
  add("model", spec.model().family());
  add("parameters", WithThousands(options.layout.parameters.length));
  add("search", search.method());
  add("population", absl::StrCat(search.population()));
  add("competition (alpha)", absl::StrCat(search.alpha()));
  add("attraction", OnOff(search.attraction()));
  add("split point", OnOff(search.split_point()));
  add("crossover", OnOff(search.crossover()));
  add("mix", absl::StrCat(search.mix_low(), " … ", search.mix_high()));
  if (search.mutation_sigma() > 0) {
    add("mutation (sigma)", absl::StrCat(search.mutation_sigma()));
  }
  if (search.coefficient_mutation() > 0) {
    add("noise on coefficients (sigma)",
        absl::StrCat(search.coefficient_mutation()));
  }
  add("origin", HasBaseOrigin(spec) ? "base" : "zero");
  add("chromosomes", absl::StrCat(options.layout.chromosomes.size()));
  add("early rejection", OnOff(search.early_rejection()));
  add("schedule",
      absl::StrCat(spec.schedule().mode(), ", window ",
                   spec.schedule().window(), ", shards ", options.shards));
  add("budget",
      absl::StrCat(WithThousands(spec.budget().evaluations()), " evaluations"));
  add("random seed", absl::StrCat(spec.random_seed()));
  return settings;
}

ordered_json TasksJson(const v1::CampaignSpec& spec) {
  ordered_json tasks = ordered_json::array();
  for (const v1::TaskSpec& task : spec.tasks()) {
    tasks.push_back({{"name", task.name()},
                     {"kind", task.kind()},
                     {"weight", task.weight()},
                     {"search", task.search().rows()},
                     {"holdout", task.holdout().rows()}});
  }
  return tasks;
}

std::string SourceOf(const v1::SeedSpec& seed) {
  if (seed.random()) return "random";
  return seed.hf().empty() ? seed.path() : seed.hf();
}

ordered_json SeedsJson(const v1::CampaignSpec& spec) {
  ordered_json seeds = ordered_json::array();
  for (const v1::SeedSpec* seed : RecipeSeeds(spec)) {
    const bool is_base = seed == &spec.model().base();
    seeds.push_back({{"name", seed->name()},
                     {"source", SourceOf(*seed)},
                     {"licence", seed->licence()},
                     {"base", is_base}});
  }
  return seeds;
}

ordered_json CurveJson(const std::vector<HistoryPoint>& points) {
  const size_t stride = (points.size() + kMostPoints - 1) / kMostPoints;
  ordered_json curve = ordered_json::array();
  for (size_t i = 0; i < points.size(); ++i) {
    if (i % stride != 0 && i + 1 != points.size()) continue;
    const HistoryPoint& point = points[i];
    curve.push_back({{"evaluations", point.evaluations},
                     {"best", point.best},
                     {"mean", point.mean},
                     {"coverage", point.coverage},
                     {"entropy", point.entropy}});
  }
  return curve;
}

ordered_json NichesJson(const NicheMap& map) {
  ordered_json groups = ordered_json::array();
  for (const NicheGroup& group : map.groups) {
    groups.push_back({{"task", group.task},
                      {"datapoints", group.datapoints},
                      {"load", group.mean_load}});
  }
  ordered_json members = ordered_json::array();
  for (const NicheMember& member : map.members) {
    members.push_back({{"candidate", member.candidate},
                       {"score", member.score},
                       {"share", member.share},
                       {"groups", member.groups}});
  }
  return {{"groups", std::move(groups)}, {"members", std::move(members)}};
}

// Shares of the seeds in each of these candidates; parents come first.
absl::StatusOr<std::map<int64_t, std::vector<double>>> SeedShares(
    const std::vector<int64_t>& lineage, const CampaignHistory& history,
    const ScheduleOptions& options) {
  const int seeds = static_cast<int>(options.seed_digests.size());
  std::map<int64_t, LinearRecipe> recipes;
  std::map<int64_t, std::vector<double>> shares;
  for (const int64_t candidate : lineage) {
    const auto& proto = history.candidates.at(candidate).proposal;
    LinearRecipe recipe;
    if (!proto.has_value()) {
      recipe = RecipeOfSeed(options, static_cast<int>(candidate) + seeds);
    } else {
      ASSIGN_OR_RETURN(const Proposal proposal,
                       ProposalFromProto(*proto, options.layout));
      const auto a = recipes.find(proposal.parent_a);
      const auto b = recipes.find(proposal.crossover ? proposal.parent_b
                                                     : proposal.parent_a);
      if (a == recipes.end() || b == recipes.end()) {
        return absl::DataLossError(absl::StrCat(
            "candidate ", candidate, ": expected parents that are in the log"));
      }
      recipe = ChildRecipe(options, a->second, b->second, proposal);
    }
    shares[candidate] = ContributionsOf(recipe, options.layout).overall;
    recipes[candidate] = std::move(recipe);
  }
  return shares;
}

ordered_json AncestorJson(int64_t candidate, const HistoryCandidate& found,
                          const ScheduleOptions& options) {
  ordered_json page = {{"candidate", candidate},
                       {"evaluations", found.evaluations},
                       {"score", found.score}};
  if (!found.proposal.has_value()) return page;
  const v1::Proposal& proposal = *found.proposal;
  page["parents"] = {proposal.parent_a()};
  if (!proposal.crossover()) return page;
  page["parents"].push_back(proposal.parent_b());
  page["crossings"] = ordered_json::array();
  const size_t known = std::min<size_t>(proposal.chromosomes_size(),
                                        options.layout.chromosomes.size());
  for (size_t c = 0; c < known; ++c) {
    const auto& crossing = proposal.chromosomes(static_cast<int>(c));
    page["crossings"].push_back(
        {{"split",
          static_cast<double>(crossing.split_block()) /
              static_cast<double>(options.layout.chromosomes[c].blocks)},
         {"mix", crossing.mix()}});
  }
  return page;
}

absl::StatusOr<ordered_json> LineageJson(int64_t winner,
                                         const CampaignHistory& history,
                                         const ScheduleOptions& options) {
  const std::vector<int64_t> lineage = history.LineageOf(winner);
  std::map<int64_t, std::vector<double>> shares;
  if (options.genomes == GenomeKind::kRecipes) {
    ASSIGN_OR_RETURN(shares, SeedShares(lineage, history, options));
  }
  ordered_json candidates = ordered_json::array();
  for (size_t i = 0; i < lineage.size(); ++i) {
    const int64_t candidate = lineage[i];
    if (candidate >= 0 && lineage.size() - i > kMostAncestors) continue;
    candidates.push_back(
        AncestorJson(candidate, history.candidates.at(candidate), options));
    const auto found = shares.find(candidate);
    if (found != shares.end()) candidates.back()["shares"] = found->second;
  }
  return ordered_json{{"all", lineage.size()},
                      {"candidates", std::move(candidates)}};
}

ordered_json LayersJson(const Winner& winner, const ScheduleOptions& options) {
  ordered_json layers = ordered_json::array();
  if (options.genomes != GenomeKind::kRecipes) return layers;
  for (const auto& [name, shares] :
       ContributionsOf(winner.recipe, options.layout).layers) {
    layers.push_back({{"name", name}, {"shares", shares}});
  }
  return layers;
}

}  // namespace

absl::StatusOr<ordered_json> MakeReportData(RecordReader& record) {
  const v1::ExportHeader& header = record.header();
  const v1::CampaignSpec& spec = header.campaign().spec();
  ASSIGN_OR_RETURN(const Winner winner, BestMember(header));
  ASSIGN_OR_RETURN(const ScheduleOptions options, MakeScheduleOptions(spec));
  if (options.genomes == GenomeKind::kRecipes) {
    RETURN_IF_ERROR(Validate(winner.recipe,
                             static_cast<int>(RecipeSeedNames(spec).size()),
                             options.layout.chromosomes));
  }
  ASSIGN_OR_RETURN(const Archive archive, ArchiveOfExport(options, header));
  ASSIGN_OR_RETURN(const CampaignHistory history, ReadHistory(options, record));
  ASSIGN_OR_RETURN(ordered_json lineage,
                   LineageJson(winner.candidate, history, options));
  return ordered_json{
      {"campaign", CampaignJson(header.campaign())},
      {"summary",
       ordered_json::parse(SummaryToJson(MakeSummary(header, std::nullopt)),
                           nullptr, /*allow_exceptions=*/false)},
      {"settings", SettingsJson(spec, options)},
      {"tasks", TasksJson(spec)},
      {"seeds", SeedsJson(spec)},
      {"curve", CurveJson(history.points)},
      {"niches", NichesJson(MapNiches(archive, TaskEnds(spec), kNicheColumns))},
      {"lineage", std::move(lineage)},
      {"layers", LayersJson(winner, options)}};
}

}  // namespace merganser
