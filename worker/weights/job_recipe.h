// The recipe of a job, for who holds the campaign's seeds.
#pragma once

#include "absl/status/statusor.h"
#include "common/campaign_spec/campaign_seeds.h"
#include "common/genome/linear_recipe.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

// Checked against the seeds, which must be files, and against the job's genome
// digest.
// Errors: InvalidArgument naming the field.
absl::StatusOr<LinearRecipe> RecipeOf(const v1::Job& job,
                                      const CampaignSeeds& seeds);

}  // namespace merganser
