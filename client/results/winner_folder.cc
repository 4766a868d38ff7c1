#include "client/results/winner_folder.h"

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/merge/merge_plan.h"
#include "client/merge/merge_runner.h"
#include "client/merge/mergekit_export.h"
#include "client/results/model_card.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/checkpoint/checkpoint_writer.h"
#include "common/checkpoint/derived_files.h"
#include "common/genome/vector_kernels.h"

namespace merganser {
namespace {

constexpr char kRecipeFile[] = "merganser_recipe.json";
constexpr char kMergekitFile[] = "mergekit_config.yml";
constexpr char kCardFile[] = "README.md";

// Widens the embedding and the head by the rows that are kept.
void AddKeptRows(const LanguageSeeds& seeds,
                 std::vector<TensorOutline>& outlines) {
  for (TensorOutline& outline : outlines) {
    if (IsPerTokenTensor(outline.name)) outline.shape[0] += seeds.kept_rows();
  }
}

// Writes those rows, in the dtype of the others.
absl::Status WriteKeptRows(const LanguageSeeds& seeds, DType dtype,
                           const std::vector<TensorOutline>& outlines,
                           CheckpointWriter& writer) {
  if (seeds.kept_rows() == 0) return absl::OkStatus();
  for (size_t i = 0; i < outlines.size(); ++i) {
    if (!IsPerTokenTensor(outlines[i].name)) continue;
    ASSIGN_OR_RETURN(const TensorView tensor,
                     seeds.tokenizer_seed().Tensor(outlines[i].name));
    const int64_t width = tensor.elements / tensor.shape[0];
    const int64_t first = seeds.config.vocabulary_size * width;
    const int64_t elements = seeds.kept_rows() * width;
    const WeightedInput input{
        .bytes = tensor.bytes.data() + first * DTypeBytes(tensor.dtype),
        .dtype = tensor.dtype,
        .coefficient = 1};
    std::vector<uint8_t> bytes(elements * DTypeBytes(dtype));
    Combine({&input, 1}, elements, dtype, /*streaming=*/false, bytes.data());
    RETURN_IF_ERROR(writer.Write(i, first * DTypeBytes(dtype), bytes));
  }
  return absl::OkStatus();
}

std::vector<std::string> PlacesOf(const v1::CampaignSpec& spec) {
  std::vector<std::string> places;
  const auto add = [&](const v1::SeedSpec& seed) {
    places.push_back(seed.hf().empty() ? seed.path() : seed.hf());
  };
  for (const v1::SeedSpec& seed : spec.seeds()) add(seed);
  if (HasBaseOrigin(spec)) add(spec.model().base());
  return places;
}

absl::Status AddPages(const Winner& winner, const v1::Campaign& campaign,
                      const CampaignSeeds& seeds, CheckpointWriter& writer) {
  const v1::CampaignSpec& spec = campaign.spec();
  const LanguageSeeds& language = *seeds.language;
  RETURN_IF_ERROR(AddDerivedFiles(language.tokenizer_seed(), seeds.dtype,
                                  language.config.layers, writer));
  ASSIGN_OR_RETURN(const std::string recipe, WinnerRecipeJson(winner, spec));
  RETURN_IF_ERROR(writer.AddFile(kRecipeFile, recipe));
  MergekitExport mergekit =
      MergekitConfigOf(winner.recipe, seeds.layout,
                       language.tokenizer_seed().config().architecture,
                       PlacesOf(spec), seeds.dtype);
  RETURN_IF_ERROR(writer.AddFile(kMergekitFile, mergekit.yaml));
  ASSIGN_OR_RETURN(
      const std::string card,
      ModelCard(winner, campaign, language,
                {.split_tensors = std::move(mergekit.split_tensors),
                 .unknown_tensors = std::move(mergekit.unknown_tensors)}));
  return writer.AddFile(kCardFile, card);
}

}  // namespace

absl::Status WriteWinnerFolder(const std::string& folder, const Winner& winner,
                               const v1::Campaign& campaign,
                               const CampaignSeeds& seeds, ThreadTeam& team,
                               const WinnerProgress& progress) {
  const LanguageSeeds& language = *seeds.language;
  const auto count = static_cast<int>(seeds.weights.size());
  ASSIGN_OR_RETURN(MergePlan plan,
                   PlanOfRecipe(winner.recipe, count, seeds.layout));
  plan.donor = language.tokenizer;
  plan.layers = language.config.layers;
  std::vector<TensorOutline> outlines = OutlinesOf(plan, seeds.dtype);
  AddKeptRows(language, outlines);
  ASSIGN_OR_RETURN(
      const auto writer,
      CheckpointWriter::Create({.folder = folder, .marker_file = kRecipeFile},
                               outlines));
  std::vector<std::shared_ptr<const TensorSource>> sources;
  for (int k = 0; k < count; ++k) sources.push_back(language.Source(k));
  const int64_t all = writer->total_bytes();
  RETURN_IF_ERROR(RunMerge(
      plan, sources, seeds.dtype, team,
      [&](int64_t written) { return progress(written, all); }, *writer));
  RETURN_IF_ERROR(WriteKeptRows(language, seeds.dtype, outlines, *writer));
  RETURN_IF_ERROR(AddPages(winner, campaign, seeds, *writer));
  return writer->Commit();
}

}  // namespace merganser
