#include "client/results/winner.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/genome/contributions.h"
#include "common/genome/materialise.h"
#include "common/genome_proto/genome_proto.h"
#include "common/storage/safetensors.h"

namespace merganser {
namespace {

using nlohmann::ordered_json;

constexpr char kRecipeFormat[] = "merganser-winner/1";

absl::StatusOr<DType> WeightsDType(const v1::CampaignSpec& spec,
                                   const LocalSeeds& seeds) {
  const std::string& name = spec.model().weights_dtype();
  if (name.empty()) return CommonDType(seeds.pointers());
  if (name == "float32") return DType::kF32;
  if (name == "bfloat16") return DType::kBF16;
  if (name == "float16") return DType::kF16;
  return absl::InvalidArgumentError(
      absl::StrCat("model.weights_dtype: \"", name,
                   "\"; expected float32, bfloat16 or float16"));
}

std::string LocalPath(const std::string& path, const std::string& models_root) {
  if (path.empty() || path[0] == '/' || models_root.empty()) return path;
  return models_root + "/" + path;
}

absl::StatusOr<SeedWeights> OpenSeed(const v1::SeedSpec& seed,
                                     const std::string& path,
                                     const ParameterLayout& layout,
                                     ThreadTeam& team) {
  ASSIGN_OR_RETURN(const Digest expected,
                   DigestFromProto(seed.digest(), "digest"));
  ASSIGN_OR_RETURN(auto file, SafetensorsFile::Open(path));
  const Digest found = SeedDigest(*file);
  if (found != expected) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " is not the file that the campaign was started with: expected ",
        "the digest ", expected.ToHex(), "; got ", found.ToHex()));
  }
  return SeedWeights::Create(std::move(file), layout, team);
}

ordered_json SeedsJson(const v1::CampaignSpec& spec,
                       const std::vector<double>& shares) {
  ordered_json seeds = ordered_json::array();
  for (int k = 0; k < spec.seeds_size(); ++k) {
    const v1::SeedSpec& seed = spec.seeds(k);
    const auto digest = Digest::FromBytes(seed.digest());
    seeds.push_back({{"name", seed.name()},
                     {"path", seed.path()},
                     {"digest", digest.ok() ? digest->ToHex() : ""},
                     {"licence", seed.licence()},
                     {"share", shares[k]}});
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
    ASSIGN_OR_RETURN(winner.recipe, RecipeFromProto(slot.recipe()));
    return winner;
  }
  return absl::DataLossError(
      absl::StrCat("the export's archive does not hold its best member, ",
                   "candidate ", winner.candidate));
}

std::vector<const SeedWeights*> LocalSeeds::pointers() const {
  std::vector<const SeedWeights*> pointers;
  for (const SeedWeights& seed : weights) pointers.push_back(&seed);
  return pointers;
}

absl::StatusOr<LocalSeeds> OpenSeeds(const v1::CampaignSpec& spec,
                                     const std::string& models_root,
                                     ThreadTeam& team) {
  ASSIGN_OR_RETURN(ScheduleOptions options, MakeScheduleOptions(spec));
  LocalSeeds seeds{.layout = std::move(options.layout)};
  for (int k = 0; k < spec.seeds_size(); ++k) {
    auto seed =
        OpenSeed(spec.seeds(k), LocalPath(spec.seeds(k).path(), models_root),
                 seeds.layout.parameters, team);
    if (!seed.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("seeds[", k, "].path: ", seed.status().message()));
    }
    seeds.weights.push_back(*std::move(seed));
  }
  ASSIGN_OR_RETURN(seeds.dtype, WeightsDType(spec, seeds));
  return seeds;
}

absl::StatusOr<std::vector<uint8_t>> MakeWeights(const LinearRecipe& recipe,
                                                 const LocalSeeds& seeds,
                                                 ThreadTeam& team) {
  RETURN_IF_ERROR(Validate(recipe, static_cast<int>(seeds.weights.size()),
                           seeds.layout.chromosomes));
  std::vector<uint8_t> weights(seeds.layout.parameters.length *
                               DTypeBytes(seeds.dtype));
  Materialiser materialiser(team);
  RETURN_IF_ERROR(materialiser.Run(recipe, seeds.layout, seeds.pointers(),
                                   seeds.dtype, weights));
  return weights;
}

absl::Status WriteWinner(const std::string& path, const Winner& winner,
                         const LocalSeeds& seeds, ThreadTeam& team) {
  ASSIGN_OR_RETURN(const std::vector<uint8_t> weights,
                   MakeWeights(winner.recipe, seeds, team));
  const std::span<const uint8_t> all(weights);
  const int64_t element_bytes = DTypeBytes(seeds.dtype);
  std::vector<TensorToWrite> tensors;
  for (const TensorSlice& tensor : seeds.layout.parameters.tensors) {
    tensors.push_back({tensor.name, seeds.dtype, tensor.shape,
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
  ASSIGN_OR_RETURN(const ScheduleOptions options, MakeScheduleOptions(spec));
  RETURN_IF_ERROR(
      Validate(winner.recipe, spec.seeds_size(), options.layout.chromosomes));
  const Contributions shares = ContributionsOf(winner.recipe, options.layout);
  const ordered_json page = {
      {"format", kRecipeFormat},
      {"campaign", winner.campaign},
      {"uid", winner.uid},
      {"candidate", winner.candidate},
      {"parents", winner.parents},
      {"genome_digest", winner.genome.ToHex()},
      {"seeds", SeedsJson(spec, shares.overall)},
      {"layers", LayersJson(shares.layers)},
      {"recipe", ordered_json::parse(RecipeToJson(winner.recipe))}};
  return page.dump(2) + "\n";
}

}  // namespace merganser
