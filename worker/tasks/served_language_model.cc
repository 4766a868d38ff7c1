#include "worker/tasks/served_language_model.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/checkpoint/checkpoint.h"
#include "common/genome/linear_recipe.h"
#include "common/genome/materialise.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/seed_weights.h"
#include "common/genome/thread_team.h"
#include "worker/models/llama.h"

namespace merganser {

absl::StatusOr<ServedLanguageModel> ServeLanguageModel(
    const std::string& folder, const ServeOptions& options) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Checkpoint> checkpoint,
                   Checkpoint::Open(folder));
  ServedLanguageModel served;
  ASSIGN_OR_RETURN(served.model,
                   CreateLlama(checkpoint->config(), checkpoint->layout(),
                               {.device = options.device,
                                .threads = options.threads,
                                .weights_dtype = checkpoint->dtype(),
                                .compute_dtype = options.compute_dtype}));
  ASSIGN_OR_RETURN(
      served.tools,
      OpenLanguageTools(*checkpoint, served.model->maximum_length()));
  ThreadTeam team(options.threads);
  ASSIGN_OR_RETURN(const SeedWeights weights,
                   SeedWeights::Create(checkpoint, checkpoint->layout(), team));
  const SeedWeights* const seeds[] = {&weights};
  RETURN_IF_ERROR(Materialiser(team).RunInto(
      checkpoint->layout(), SeedRecipe(0, /*seeds=*/1, /*chromosomes=*/1),
      SingleChromosome(checkpoint->layout()), seeds,
      served.model->parameter_format(), served.model->parameters()));
  RETURN_IF_ERROR(served.model->LoadParameters());
  return served;
}

}  // namespace merganser
