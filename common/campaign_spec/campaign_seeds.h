// A campaign's seeds, opened from files and checked against its spec: for the
// client that submits it, workers that evaluate it, and who makes its
// candidates again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/campaign_spec/language_seeds.h"
#include "common/genome/gram.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/seed_weights.h"
#include "common/genome/thread_team.h"
#include "common/storage/dtype.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Threads: immutable after OpenSeeds(); safe to share.
struct CampaignSeeds {
  GenomeLayout layout;
  // In file order and, with the origin at the base, that behind them: what
  // recipes are made of. Mapped, not copied.
  std::vector<SeedWeights> weights;
  std::vector<Digest> digests;
  bool has_base = false;
  // What a child's weights are rounded to.
  DType dtype = DType::kF32;
  // Set for the family language_model.
  std::optional<LanguageSeeds> language;

  std::vector<const SeedWeights*> pointers() const;
  // The team runs nothing else meanwhile.
  GramSums MakeGramSums(ThreadTeam& team) const;
};

// Whether a layout, which messages call `name`, is what the client resolved.
// Errors: InvalidArgument naming the tensor. A spec that is not resolved fits
// everything.
absl::Status CheckResolvedTensors(const v1::ModelSpec& model,
                                  const ParameterLayout& layout,
                                  const std::string& name);

// Where a seed lies on this machine; errors name `field`.
using SeedPath = absl::FunctionRef<absl::StatusOr<std::string>(
    const v1::SeedSpec& seed, const std::string& field)>;

// Opens the seeds of a spec without random seeds, and its base. What the client
// resolved, digests, companions and model.tensors, must be what is found; a
// spec in which they are not set is taken as it is. Errors: those of `path_of`;
// else they begin with the field, "seeds[1].path: ", and name the file and what
// was expected.
absl::StatusOr<CampaignSeeds> OpenSeeds(const v1::CampaignSpec& spec,
                                        SeedPath path_of, ThreadTeam& team);

}  // namespace merganser
