#include "common/campaign_spec/campaign_seeds.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/chromosomes.h"
#include "common/checkpoint/checkpoint.h"
#include "common/storage/safetensors.h"

namespace merganser {
namespace {

// Opens the seeds of one spec, in their order.
class SeedOpener {
 public:
  SeedOpener(const v1::CampaignSpec& spec, ThreadTeam& team)
      : spec_(spec), team_(team) {}

  absl::Status OpenFile(const v1::SeedSpec& seed, const std::string& path) {
    ASSIGN_OR_RETURN(const auto file, SafetensorsFile::Open(path));
    RETURN_IF_ERROR(TakeDigest(seed, SeedDigest(*file), path));
    ASSIGN_OR_RETURN(const ParameterLayout layout, MlpLayout(*file));
    return TakeWeights(file, layout);
  }

  absl::Status OpenFolder(const v1::SeedSpec& seed, const std::string& path) {
    ASSIGN_OR_RETURN(auto checkpoint, Checkpoint::Open(path));
    RETURN_IF_ERROR(TakeDigest(seed, checkpoint->digest(team_), path));
    checkpoints_.push_back(std::move(checkpoint));
    return absl::OkStatus();
  }

  // Call it when all folders are open.
  absl::Status TakeFolders() {
    ASSIGN_OR_RETURN(seeds_.language,
                     CheckLanguageSeeds(spec_, std::move(checkpoints_)));
    RETURN_IF_ERROR(CheckCompanions());
    const ParameterLayout layout = LanguageModelLayout(seeds_.language->config);
    const auto count = static_cast<int>(seeds_.language->checkpoints.size());
    for (int i = 0; i < count; ++i) {
      RETURN_IF_ERROR(Annotate(TakeWeights(seeds_.language->Source(i), layout),
                               SeedField(spec_, i)));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<CampaignSeeds> Finish() {
    ASSIGN_OR_RETURN(
        seeds_.layout,
        GroupByPatterns(std::move(seeds_.layout.parameters), spec_.model()));
    seeds_.has_base = HasBaseOrigin(spec_);
    ASSIGN_OR_RETURN(
        seeds_.layout,
        GroupByPatterns(std::move(seeds_.layout.parameters), spec_.model()));
    seeds_.dtype = CommonDType(seeds_.pointers());
    if (!spec_.model().weights_dtype().empty()) {
      ASSIGN_OR_RETURN(seeds_.dtype, WeightsDTypeOf(spec_));
    }
    return std::move(seeds_);
  }

 private:
  absl::Status TakeDigest(const v1::SeedSpec& seed, const Digest& found,
                          const std::string& path) {
    seeds_.digests.push_back(found);
    const std::string& resolved = seed.digest();
    if (resolved.empty() || resolved == found.ToBytes()) {
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const Digest expected, Digest::FromBytes(resolved));
    return absl::InvalidArgumentError(absl::StrCat(
        path, " is not what the campaign was submitted with: ",
        "expected the digest ", expected.ToHex(), "; got ", found.ToHex()));
  }

  absl::Status CheckCompanions() const {
    const std::string& resolved = spec_.model().companions_digest();
    if (resolved.empty()) return absl::OkStatus();
    const Checkpoint& seed = seeds_.language->tokenizer_seed();
    ASSIGN_OR_RETURN(const Digest found, CompanionDigest(seed));
    if (resolved == found.ToBytes()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("seeds[", seeds_.language->tokenizer,
                     "]: the configs and tokenizer in ", seed.path(),
                     " are not those that the campaign was submitted with"));
  }

  // All seeds have the layout of the first, and this the one that was resolved.
  absl::Status TakeWeights(std::shared_ptr<const TensorSource> source,
                           const ParameterLayout& layout) {
    if (seeds_.weights.empty()) {
      RETURN_IF_ERROR(
          CheckResolvedTensors(spec_.model(), layout, source->path()));
      seeds_.layout.parameters = layout;
    } else {
      RETURN_IF_ERROR(CheckSameLayout(seeds_.layout.parameters, "seeds[0]",
                                      layout, source->path()));
    }
    ASSIGN_OR_RETURN(SeedWeights weights,
                     SeedWeights::Create(std::move(source), layout, team_));
    seeds_.weights.push_back(std::move(weights));
    return absl::OkStatus();
  }

  const v1::CampaignSpec& spec_;
  ThreadTeam& team_;
  std::vector<std::shared_ptr<const Checkpoint>> checkpoints_;
  CampaignSeeds seeds_;
};

}  // namespace

GramSums CampaignSeeds::MakeGramSums(ThreadTeam& team) const {
  const std::vector<const SeedWeights*> all = pointers();
  if (!has_base) return GramSums::Create(layout, all, team);
  return GramSums::Create(layout, std::span(all).first(all.size() - 1),
                          all.back(), team);
}

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
  const bool folders = IsLanguageModel(spec.model());
  SeedOpener opener(spec, team);
  const auto open = [&](const v1::SeedSpec& seed, const std::string& name) {
    const std::string field =
        absl::StrCat(name, seed.hf().empty() ? ".path" : ".hf");
    const absl::StatusOr<std::string> path = path_of(seed, field);
    if (!path.ok()) return path.status();
    const absl::Status opened =
        folders ? opener.OpenFolder(seed, *path) : opener.OpenFile(seed, *path);
    if (opened.ok()) return opened;
    // Whatever is wrong with a file, the field is bad input.
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": ", opened.message()));
  };
  for (int i = 0; i < spec.seeds_size(); ++i) {
    RETURN_IF_ERROR(open(spec.seeds(i), SeedField(spec, i)));
  }
  if (HasBaseOrigin(spec)) {
    RETURN_IF_ERROR(open(spec.model().base(), "model.base"));
  }
  if (folders) RETURN_IF_ERROR(opener.TakeFolders());
  return opener.Finish();
}

}  // namespace merganser
