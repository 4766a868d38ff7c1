// The weights of a campaign's best member, made from the seeds, be they files
// or random, and the page that says what they are made of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/results/lineage.h"
#include "common/base/digest.h"
#include "common/campaign_spec/campaign_seeds.h"
#include "common/genome/linear_recipe.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/seed_weights.h"
#include "common/genome/thread_team.h"
#include "merganser/v1/campaign_service.pb.h"

namespace merganser {

// A candidate and how it came to be.
struct Winner {
  std::string campaign;
  std::string uid;
  int64_t candidate = 0;
  // Where weights are kept, the digest of its parameter vector.
  Digest genome;
  // Empty where weights are kept.
  LinearRecipe recipe;
  std::vector<int64_t> parents;  // A and B; empty for a seed, or not known
  // Where weights are kept, its AncestorsOf(); else empty.
  std::vector<Ancestor> ancestors;
};

// The best member that the header names. `parents` and `ancestors` are left
// empty.
// Errors: FailedPrecondition when there is none yet; DataLoss when the header
// does not hold it.
absl::StatusOr<Winner> BestMember(const v1::ExportHeader& header);

// Opens the seeds of a resolved spec, and its base. Relative paths start at
// `models_root`, or at the working directory if that is empty.
// Errors: those of OpenSeeds().
absl::StatusOr<CampaignSeeds> OpenLocalSeeds(const v1::CampaignSpec& spec,
                                             const std::string& models_root,
                                             ThreadTeam& team);

// A model's weights: length * DTypeBytes(dtype) bytes in the layout's order.
struct ParameterVector {
  ParameterLayout layout;
  DType dtype = DType::kF32;
  std::vector<uint8_t> bytes;
};

// The parameter vector of a recipe.
// Errors: InvalidArgument when the recipe does not fit the seeds.
absl::StatusOr<ParameterVector> MakeWeights(const LinearRecipe& recipe,
                                            const CampaignSeeds& seeds,
                                            ThreadTeam& team);

// The winner's parameter vector: by its recipe from the seeds that
// OpenLocalSeeds()
// finds, or, where weights are kept, by its ancestors from random seeds.
// Errors: those of OpenLocalSeeds(), MakeWeights() and RemakeCandidate();
// DataLoss when the weights are not those of the digest.
absl::StatusOr<ParameterVector> MakeWinner(const Winner& winner,
                                           const v1::CampaignSpec& spec,
                                           const std::string& models_root,
                                           ThreadTeam& team);

// Writes winner.safetensors: tensors named and shaped as the seeds', in the
// order of the parameter vector; metadata with campaign, candidate and genome
// digest.
absl::Status WriteWinner(const std::string& path, const Winner& winner,
                         const ParameterVector& weights);

// winner_recipe.json: the recipe, the seeds with their licences, and the share
// of each seed, overall and per layer; where weights are kept, LineagePage().
// Errors: InvalidArgument when the recipe does not fit the spec.
absl::StatusOr<std::string> WinnerRecipeJson(const Winner& winner,
                                             const v1::CampaignSpec& spec);

}  // namespace merganser
