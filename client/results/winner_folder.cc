#include "client/results/winner_folder.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/merge/kept_rows.h"
#include "client/merge/merge_plan.h"
#include "client/merge/merge_runner.h"
#include "client/merge/mergekit_export.h"
#include "client/results/model_card.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/checkpoint/checkpoint_writer.h"
#include "common/checkpoint/derived_files.h"
#include "common/checkpoint/leading_rows.h"

namespace merganser {
namespace {

constexpr char kRecipeFile[] = "merganser_recipe.json";
constexpr char kMergekitFile[] = "mergekit_config.yml";
constexpr char kCardFile[] = "README.md";

std::vector<std::string> PlacesOf(const v1::CampaignSpec& spec) {
  std::vector<std::string> places;
  for (const v1::SeedSpec* seed : RecipeSeeds(spec)) {
    places.push_back(seed->hf().empty() ? seed->path() : seed->hf());
  }
  return places;
}

// Where vocabularies have several sizes, mergekit does not merge what has a row
// per token as we do.
void AddCutTensors(const LanguageSeeds& seeds, MergekitExport& mergekit) {
  const auto is_cut = [&](const std::shared_ptr<const Checkpoint>& seed) {
    return seed->config().vocabulary_size != seeds.config.vocabulary_size;
  };
  if (std::none_of(seeds.checkpoints.begin(), seeds.checkpoints.end(),
                   is_cut)) {
    return;
  }
  for (const TensorSlice& slice : seeds.tokenizer_seed().layout().tensors) {
    if (IsPerTokenTensor(slice.name)) {
      mergekit.unknown_tensors.push_back(slice.name);
    }
  }
}

absl::Status AddPages(const Winner& winner, const v1::Campaign& campaign,
                      const CampaignSeeds& seeds, CheckpointWriter& writer) {
  const v1::CampaignSpec& spec = campaign.spec();
  const LanguageSeeds& language = *seeds.language;
  ASSIGN_OR_RETURN(const std::string recipe, WinnerRecipeJson(winner, spec));
  RETURN_IF_ERROR(writer.AddFile(kRecipeFile, recipe));
  MergekitExport mergekit =
      MergekitConfigOf(winner.recipe, seeds.layout,
                       language.tokenizer_seed().config().architecture,
                       PlacesOf(spec), seeds.dtype);
  RETURN_IF_ERROR(writer.AddFile(kMergekitFile, mergekit.yaml));
  AddCutTensors(language, mergekit);
  ASSIGN_OR_RETURN(
      const std::string card,
      ModelCard(winner, campaign, language,
                {.split_tensors = std::move(mergekit.split_tensors),
                 .unknown_tensors = std::move(mergekit.unknown_tensors)}));
  return writer.AddFile(kCardFile, card);
}

}  // namespace

absl::Status WriteModelFolder(
    const std::string& folder, const LinearRecipe& recipe,
    const CampaignSeeds& seeds, ThreadTeam& team,
    const std::function<bool()>& interrupted,
    absl::FunctionRef<absl::Status(CheckpointWriter&)> add_pages) {
  const LanguageSeeds& language = *seeds.language;
  const auto count = static_cast<int>(seeds.weights.size());
  ASSIGN_OR_RETURN(MergePlan plan, PlanOfRecipe(recipe, count, seeds.layout));
  plan.donor = language.tokenizer;
  plan.layers = language.config.layers;
  std::vector<TensorOutline> outlines = OutlinesOf(plan, seeds.dtype);
  AddKeptRows(language.tokenizer_seed(), outlines);
  ASSIGN_OR_RETURN(
      const auto writer,
      CheckpointWriter::Create({.folder = folder, .marker_file = kRecipeFile},
                               outlines));
  std::vector<std::shared_ptr<const TensorSource>> sources;
  for (int k = 0; k < count; ++k) sources.push_back(language.Source(k));
  const auto goes_on = [&](int64_t) { return !interrupted || !interrupted(); };
  RETURN_IF_ERROR(RunMerge(plan, sources, seeds.dtype, team, goes_on, *writer));
  RETURN_IF_ERROR(WriteKeptRows(language.tokenizer_seed(),
                                language.config.vocabulary_size, seeds.dtype,
                                outlines, *writer));
  RETURN_IF_ERROR(AddDerivedFiles(language.tokenizer_seed(), seeds.dtype,
                                  language.config.layers, *writer));
  RETURN_IF_ERROR(add_pages(*writer));
  return writer->Commit();
}

absl::Status WriteWinnerFolder(const std::string& folder, const Winner& winner,
                               const v1::Campaign& campaign,
                               const CampaignSeeds& seeds, ThreadTeam& team) {
  return WriteModelFolder(folder, winner.recipe, seeds, team,
                          /*interrupted=*/{}, [&](CheckpointWriter& writer) {
                            return AddPages(winner, campaign, seeds, writer);
                          });
}

}  // namespace merganser
