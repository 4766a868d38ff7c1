#include "client/results/winner.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/results/lineage_page.h"
#include "client/results/weights_maker.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/checkpoint/hub_cache.h"
#include "common/genome/contributions.h"
#include "common/genome/materialise.h"
#include "common/genome_proto/genome_proto.h"
#include "common/storage/safetensors.h"

namespace merganser {
namespace {

using nlohmann::ordered_json;

constexpr char kRecipeFormat[] = "merganser-winner/1";

std::string LocalPath(const std::string& path, const std::string& models_root) {
  if (path.empty() || path[0] == '/' || models_root.empty()) return path;
  return models_root + "/" + path;
}

ordered_json SeedsJson(const v1::CampaignSpec& spec,
                       const std::vector<double>& shares) {
  ordered_json seeds = ordered_json::array();
  for (const v1::SeedSpec* seed : RecipeSeeds(spec)) {
    const auto digest = Digest::FromBytes(seed->digest());
    seeds.push_back({{"name", seed->name()},
                     {"path", seed->path()},
                     {"digest", digest.ok() ? digest->ToHex() : ""},
                     {"licence", seed->licence()},
                     {"share", shares[seeds.size()]}});
    if (!seed->hf().empty()) seeds.back()["hf"] = seed->hf();
  }
  return seeds;
}

ordered_json LayersJson(const std::vector<Contributions::Part>& parts) {
  ordered_json layers = ordered_json::array();
  for (const Contributions::Part& part : parts) {
    layers.push_back({{"name", part.name}, {"shares", part.shares}});
  }
  return layers;
}

// What else `merganser merge` must know to make the same weights.
void AddModel(const v1::ModelSpec& model, const GenomeLayout& layout,
              ordered_json& page) {
  if (!model.weights_dtype().empty()) {
    page["weights_dtype"] = model.weights_dtype();
  }
  if (IsLanguageModel(model)) {
    page["tokenizer"] = model.tokenizer();
    page["vocabulary"] = layout.parameters.tensors[0].shape[0];
  }
  if (model.chromosomes().empty()) return;
  for (const ChromosomeLayout& chromosome : layout.chromosomes) {
    ordered_json tensors = ordered_json::array();
    for (const int tensor : chromosome.tensors) {
      tensors.push_back(layout.parameters.tensors[tensor].name);
    }
    page["chromosomes"].push_back(
        {{"name", chromosome.name}, {"tensors", std::move(tensors)}});
  }
}

}  // namespace

absl::StatusOr<Winner> BestMember(const v1::ExportHeader& header) {
  const v1::Campaign& campaign = header.campaign();
  if (!campaign.progress().has_best()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "campaign ", campaign.name(),
        " has no best member yet: its seeds have not been evaluated"));
  }
  Winner winner{.campaign = campaign.name(),
                .uid = campaign.uid(),
                .candidate = campaign.progress().best().candidate()};
  for (const v1::ArchiveSlot& slot : header.slots()) {
    if (!slot.has_candidate() || slot.candidate() != winner.candidate) continue;
    ASSIGN_OR_RETURN(winner.genome, DigestFromProto(slot.genome_digest(),
                                                    "slots.genome_digest"));
    if (!KeepsWeights(campaign.spec())) {
      ASSIGN_OR_RETURN(winner.recipe, RecipeFromProto(slot.recipe()));
    }
    return winner;
  }
  return absl::DataLossError(
      absl::StrCat("the export's archive does not hold its best member, ",
                   "candidate ", winner.candidate));
}

absl::StatusOr<CampaignSeeds> OpenLocalSeeds(const v1::CampaignSpec& spec,
                                             const std::string& models_root,
                                             ThreadTeam& team) {
  return OpenSeeds(
      spec,
      [&](const v1::SeedSpec& seed,
          const std::string& field) -> absl::StatusOr<std::string> {
        if (!seed.hf().empty()) return FolderInHubCache(seed.hf(), field);
        return LocalPath(seed.path(), models_root);
      },
      team);
}

absl::StatusOr<ParameterVector> MakeWeights(const LinearRecipe& recipe,
                                            const CampaignSeeds& seeds,
                                            ThreadTeam& team) {
  RETURN_IF_ERROR(Validate(recipe, static_cast<int>(seeds.weights.size()),
                           seeds.layout.chromosomes));
  ParameterVector weights{.layout = seeds.layout.parameters,
                          .dtype = seeds.dtype};
  weights.bytes.resize(weights.layout.length * DTypeBytes(weights.dtype));
  Materialiser materialiser(team);
  RETURN_IF_ERROR(materialiser.Run(recipe, seeds.layout, seeds.pointers(),
                                   seeds.dtype, weights.bytes));
  return weights;
}

absl::StatusOr<ParameterVector> MakeWinner(const Winner& winner,
                                           const v1::CampaignSpec& spec,
                                           const std::string& models_root,
                                           ThreadTeam& team) {
  if (!KeepsWeights(spec)) {
    ASSIGN_OR_RETURN(const CampaignSeeds seeds,
                     OpenLocalSeeds(spec, models_root, team));
    return MakeWeights(winner.recipe, seeds, team);
  }
  ASSIGN_OR_RETURN(WeightsMaker maker, WeightsMaker::Create(spec, team));
  ASSIGN_OR_RETURN(RemadeWeights made,
                   RemakeCandidate(winner.candidate, winner.ancestors, maker));
  if (made.digest != winner.genome) {
    return absl::DataLossError(absl::StrCat(
        "candidate ", winner.candidate, ": expected weights with the digest ",
        winner.genome.ToHex(), "; made again, theirs is ",
        made.digest.ToHex()));
  }
  return ParameterVector{.layout = maker.layout().parameters,
                         .dtype = maker.dtype(),
                         .bytes = std::move(made.bytes)};
}

absl::Status WriteWinner(const std::string& path, const Winner& winner,
                         const ParameterVector& weights) {
  const std::span<const uint8_t> all(weights.bytes);
  const int64_t element_bytes = DTypeBytes(weights.dtype);
  std::vector<TensorToWrite> tensors;
  for (const TensorSlice& tensor : weights.layout.tensors) {
    tensors.push_back({tensor.name, weights.dtype, tensor.shape,
                       all.subspan(tensor.offset * element_bytes,
                                   tensor.elements * element_bytes)});
  }
  return WriteSafetensors(
      path, tensors,
      {{"format", "pt"},
       {"merganser.campaign", winner.campaign},
       {"merganser.candidate", absl::StrCat(winner.candidate)},
       {"merganser.genome_digest", winner.genome.ToHex()}});
}

absl::StatusOr<std::string> WinnerRecipeJson(const Winner& winner,
                                             const v1::CampaignSpec& spec) {
  if (KeepsWeights(spec)) return LineagePage(winner, spec);
  ASSIGN_OR_RETURN(const ScheduleOptions options, MakeScheduleOptions(spec));
  RETURN_IF_ERROR(Validate(winner.recipe,
                           static_cast<int>(RecipeSeedNames(spec).size()),
                           options.layout.chromosomes));
  const Contributions shares = ContributionsOf(winner.recipe, options.layout);
  ordered_json page = {
      {"format", kRecipeFormat},
      {"campaign", winner.campaign},
      {"uid", winner.uid},
      {"candidate", winner.candidate},
      {"parents", winner.parents},
      {"genome_digest", winner.genome.ToHex()},
      {"seeds", SeedsJson(spec, shares.overall)},
      {"layers", LayersJson(shares.layers)},
      {"recipe", ordered_json::parse(RecipeToJson(winner.recipe))}};
  AddModel(spec.model(), options.layout, page);
  return page.dump(2) + "\n";
}

}  // namespace merganser
