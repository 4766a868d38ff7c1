#include "common/campaign_spec/campaign_seeds.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/storage/safetensors.h"

namespace merganser {
namespace {

class SeedOpener {
 public:
  SeedOpener(const v1::CampaignSpec& spec, ThreadTeam& team)
      : spec_(spec), team_(team) {}

  absl::Status Open(int index, const std::string& path) {
    ASSIGN_OR_RETURN(const auto file, SafetensorsFile::Open(path));
    const Digest digest = SeedDigest(*file);
    RETURN_IF_ERROR(CheckDigest(index, digest, path));
    ASSIGN_OR_RETURN(const ParameterLayout layout, MlpLayout(*file));
    RETURN_IF_ERROR(CheckLayout(layout, path));
    ASSIGN_OR_RETURN(
        SeedWeights weights,
        SeedWeights::Create(file, seeds_.layout.parameters, team_));
    seeds_.weights.push_back(std::move(weights));
    seeds_.digests.push_back(digest);
    return absl::OkStatus();
  }

  absl::StatusOr<CampaignSeeds> Finish() {
    seeds_.dtype = CommonDType(seeds_.pointers());
    if (!spec_.model().weights_dtype().empty()) {
      ASSIGN_OR_RETURN(seeds_.dtype, WeightsDTypeOf(spec_));
    }
    return std::move(seeds_);
  }

 private:
  absl::Status CheckDigest(int index, const Digest& found,
                           const std::string& path) const {
    const std::string& resolved = spec_.seeds(index).digest();
    if (resolved.empty() || resolved == found.ToBytes()) {
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const Digest expected, Digest::FromBytes(resolved));
    return absl::InvalidArgumentError(absl::StrCat(
        path, " is not what the campaign was submitted with: ",
        "expected the digest ", expected.ToHex(), "; got ", found.ToHex()));
  }

  // All seeds have the layout of the first, and this the one that was resolved.
  absl::Status CheckLayout(const ParameterLayout& layout,
                           const std::string& name) {
    if (!seeds_.weights.empty()) {
      return CheckSameLayout(seeds_.layout.parameters, "seeds[0]", layout,
                             name);
    }
    RETURN_IF_ERROR(CheckResolvedTensors(spec_.model(), layout, name));
    seeds_.layout = SingleChromosome(layout);
    return absl::OkStatus();
  }

  const v1::CampaignSpec& spec_;
  ThreadTeam& team_;
  CampaignSeeds seeds_;
};

}  // namespace

absl::Status CheckResolvedTensors(const v1::ModelSpec& model,
                                  const ParameterLayout& layout,
                                  const std::string& name) {
  if (model.tensors().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const ParameterLayout resolved, LayoutOfModel(model));
  return CheckSameLayout(resolved, "model.tensors", layout, name);
}

std::vector<const SeedWeights*> CampaignSeeds::pointers() const {
  std::vector<const SeedWeights*> pointers;
  for (const SeedWeights& seed : weights) pointers.push_back(&seed);
  return pointers;
}

absl::StatusOr<CampaignSeeds> OpenSeeds(const v1::CampaignSpec& spec,
                                        SeedPath path_of, ThreadTeam& team) {
  if (spec.seeds().empty()) {
    return absl::InvalidArgumentError(
        "seeds: expected at least 1 entry; got none");
  }
  SeedOpener opener(spec, team);
  for (int i = 0; i < spec.seeds_size(); ++i) {
    const std::string field = absl::StrCat("seeds[", i, "].path");
    ASSIGN_OR_RETURN(const std::string path, path_of(spec.seeds(i), field));
    const absl::Status opened = opener.Open(i, path);
    // Whatever is wrong with a file, the field is bad input.
    if (!opened.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ": ", opened.message()));
    }
  }
  return opener.Finish();
}

}  // namespace merganser
