#include "client/results/model_card.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/genome/contributions.h"

namespace merganser {
namespace {

std::string Percent(double share) {
  return absl::StrFormat("%.1f", 100 * share);
}

// A text as a scalar of YAML.
std::string Quoted(const std::string& text) {
  return absl::StrCat(
      "\"",
      absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", " "}}),
      "\"");
}

// A text as a cell of a table.
std::string Cell(const std::string& text) {
  return absl::StrReplaceAll(text, {{"|", "\\|"}, {"\n", " "}});
}

std::string Row(const std::vector<std::string>& cells) {
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
}

std::string Header(const std::vector<std::string>& cells) {
  return absl::StrCat(Row(cells),
                      Row(std::vector<std::string>(cells.size(), "---")));
}

// Whether a licence is named by an identifier, such as SPDX's, and not by a
// file or in words; "other" names none.
bool IsIdentifier(const std::string& licence) {
  return !licence.empty() && licence != "other" &&
         !absl::StartsWith(licence, kLicenceFile) &&
         std::all_of(licence.begin(), licence.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '+';
         });
}

// What the hub knows a seed by, or the name of its folder.
std::string ModelNameOf(const v1::SeedSpec& seed,
                        const Checkpoint& checkpoint) {
  if (seed.hf().empty()) return checkpoint.name();
  return seed.hf().substr(0, seed.hf().find('@'));
}

// The seeds and the base, as recipes have them.
struct Ingredients {
  std::vector<std::string> names;     // in the campaign
  std::vector<std::string> models;    // elsewhere
  std::vector<std::string> licences;  // empty: unknown
};

Ingredients IngredientsOf(const v1::CampaignSpec& spec,
                          const LanguageSeeds& seeds) {
  const std::vector<const v1::SeedSpec*> specs = RecipeSeeds(spec);
  Ingredients parts{.names = RecipeSeedNames(spec)};
  for (size_t k = 0; k < specs.size(); ++k) {
    parts.models.push_back(ModelNameOf(*specs[k], *seeds.checkpoints[k]));
    parts.licences.push_back(specs[k]->licence());
  }
  return parts;
}

std::string FrontMatter(const Ingredients& parts,
                        const LicenceVerdict& verdict) {
  std::string text = "---\nbase_model:\n";
  for (const std::string& model : parts.models) {
    absl::StrAppend(&text, "- ", Quoted(model), "\n");
  }
  absl::StrAppend(
      &text, "library_name: transformers\nlicense: ", verdict.identifier, "\n");
  if (verdict.identifier == "other") {
    absl::StrAppend(&text, "license_name: see-below\n");
  }
  return absl::StrCat(text,
                      "pipeline_tag: text-generation\n"
                      "tags:\n- merge\n- mergekit\n- merganser\n---\n");
}

template <typename Scored>
void AddScores(const std::string& name, const Scored& scored,
               std::string& text) {
  const auto row = [&](const std::string& what, const auto& scores) {
    absl::StrAppend(
        &text,
        Row({Cell(name), Cell(what), Percent(scores.search_accuracy()),
             scores.has_holdout_accuracy() ? Percent(scores.holdout_accuracy())
                                           : "-"}));
  };
  for (const v1::TaskScore& task : scored.tasks()) row(task.name(), task);
  if (scored.tasks_size() > 1) row("all", scored);
}

std::string Scores(const v1::Campaign& campaign) {
  std::string text = absl::StrCat(
      "## Scores\n\nMean score in per cent, of the datapoints that the search "
      "selected by, and of those that it never saw.\n\n",
      Header({"model", "task", "search", "holdout"}));
  AddScores("**this model**", campaign.progress().best(), text);
  for (const v1::SeedScore& seed : campaign.progress().seeds()) {
    AddScores(seed.name(), seed, text);
  }
  return text + "\n";
}

std::string Shares(const Contributions& shares, const Ingredients& parts) {
  std::vector<std::string> columns = {"layer"};
  for (const std::string& name : parts.names) columns.push_back(Cell(name));
  std::string text = absl::StrCat(
      "## What it is made of\n\nShare of each model, in per cent: the mean of "
      "its coefficients' sizes, of the sum of all.\n\n",
      Header(columns));
  const auto add = [&](const std::string& name,
                       const std::vector<double>& values) {
    std::vector<std::string> cells = {name};
    for (const double value : values) cells.push_back(Percent(value));
    absl::StrAppend(&text, Row(cells));
  };
  add("**all**", shares.overall);
  for (const Contributions::Part& layer : shares.layers) {
    add(Cell(layer.name), layer.shares);
  }
  return text + "\n";
}

std::string TensorList(const std::vector<std::string>& tensors) {
  return absl::StrCat("`", absl::StrJoin(tensors, "`, `"), "`");
}

std::string HowMade(const Winner& winner, const v1::Campaign& campaign,
                    const MergekitNotes& mergekit) {
  const v1::CampaignSpec& spec = campaign.spec();
  std::string text = absl::StrCat(
      "## How it was made\n\nBy Merganser, which evolves models by merging: ",
      "campaign ", spec.name(), ", candidate ", winner.candidate, " of ",
      campaign.progress().evaluations(), " that were evaluated. Nothing was ",
      "trained. Every weight is a linear combination of the models above; ",
      "`merganser_recipe.json` has the coefficients, and `merganser merge ",
      "merganser_recipe.json --output DIR` makes the same bits again.\n\n",
      "`mergekit_config.yml` makes the weights with mergekit, within one unit ",
      "in the last place where no terms cancel");
  if (!mergekit.split_tensors.empty()) {
    absl::StrAppend(&text,
                    ", but for tensors in which the coefficients change ",
                    "within the tensor, which mergekit cannot express: ",
                    TensorList(mergekit.split_tensors));
  }
  if (!mergekit.unknown_tensors.empty()) {
    absl::StrAppend(&text, ". mergekit leaves out, or merges otherwise, ",
                    TensorList(mergekit.unknown_tensors));
  }
  return text + ".\n";
}

std::string Licences(const Ingredients& parts, const LicenceVerdict& verdict) {
  std::string text = "## Licence\n\n" + Header({"model", "licence"});
  for (size_t k = 0; k < parts.names.size(); ++k) {
    absl::StrAppend(
        &text, Row({Cell(parts.models[k]), parts.licences[k].empty()
                                               ? "not known"
                                               : Cell(parts.licences[k])}));
  }
  return absl::StrCat(text, "\n", verdict.text, "\n\n");
}

}  // namespace

LicenceVerdict VerdictOf(const std::vector<std::string>& names,
                         const std::vector<std::string>& licences) {
  std::vector<std::string> unknown;
  std::map<std::string, std::string> known;  // by what the hub calls them
  for (size_t k = 0; k < names.size(); ++k) {
    if (IsIdentifier(licences[k])) {
      known.emplace(absl::AsciiStrToLower(licences[k]), licences[k]);
    } else {
      unknown.push_back(licences[k].empty()
                            ? names[k]
                            : absl::StrCat(names[k], " (", licences[k], ")"));
    }
  }
  if (!unknown.empty()) {
    return {"other",
            absl::StrCat("What may be done with it depends on the terms of ",
                         absl::StrJoin(unknown, ", "),
                         ", for which no licence identifier is known: read "
                         "them before you use or share this model.")};
  }
  if (known.size() == 1) {
    return {known.begin()->first,
            "All models that it is made of have this licence, and so has it."};
  }
  const auto append = [](std::string* out, const auto& licence) {
    absl::StrAppend(out, licence.second);
  };
  return {"other", absl::StrCat("It is made of models under ",
                                absl::StrJoin(known, " and ", append),
                                ": it may be used only as all of them allow.")};
}

absl::StatusOr<std::string> ModelCard(const Winner& winner,
                                      const v1::Campaign& campaign,
                                      const LanguageSeeds& seeds,
                                      const MergekitNotes& mergekit) {
  const v1::CampaignSpec& spec = campaign.spec();
  ASSIGN_OR_RETURN(const ScheduleOptions options, MakeScheduleOptions(spec));
  const Ingredients parts = IngredientsOf(spec, seeds);
  RETURN_IF_ERROR(Validate(winner.recipe, static_cast<int>(parts.names.size()),
                           options.layout.chromosomes));
  const LicenceVerdict verdict = VerdictOf(parts.names, parts.licences);
  return absl::StrCat(
      FrontMatter(parts, verdict), "\n# ", spec.name(), "\n\n",
      spec.description().empty() ? "" : spec.description() + "\n\n",
      "A merge of ", absl::StrJoin(parts.models, ", "), ".\n\n",
      Scores(campaign),
      Shares(ContributionsOf(winner.recipe, options.layout), parts),
      Licences(parts, verdict), HowMade(winner, campaign, mergekit));
}

}  // namespace merganser
