#include "worker/weights/job_recipe.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/genome_proto/genome_proto.h"

namespace merganser {

absl::StatusOr<LinearRecipe> RecipeOf(const v1::Job& job,
                                      const CampaignSeeds& seeds) {
  ASSIGN_OR_RETURN(LinearRecipe recipe, RecipeFromProto(job.recipe()));
  RETURN_IF_ERROR(
      Annotate(Validate(recipe, static_cast<int>(seeds.weights.size()),
                        seeds.layout.chromosomes),
               "job.recipe"));
  ASSIGN_OR_RETURN(const Digest expected,
                   DigestFromProto(job.genome_digest(), "job.genome_digest"));
  const Digest actual = GenomeDigest(recipe, seeds.digests);
  if (actual == expected) return recipe;
  return absl::InvalidArgumentError(absl::StrCat(
      "job.genome_digest: ", expected.ToHex(),
      "; the recipe and this worker's seeds give ", actual.ToHex()));
}

}  // namespace merganser
