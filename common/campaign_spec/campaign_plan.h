// From a campaign's spec to what the schedule needs.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/genome/parameter_layout.h"
#include "common/schedule/ordered_schedule.h"
#include "common/storage/dtype.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Whether workers are sent the archive: to stop hopeless children and, where
// weights are kept, not to upload those of children that are dropped anyway.
bool SendsArchive(const ScheduleOptions& options);

// The chunk size in force: the spec's, or its default.
int ChunkSize(const v1::TaskSpec& task);

// The holdout datapoints, task after task; tasks without one are left out of
// the numbering as empty extents (begin == end).
std::vector<TaskExtent> HoldoutExtents(const v1::CampaignSpec& spec);

// Whether the kind is one of language models. Kinds that there are not are
// none.
bool IsLanguageTask(const v1::TaskSpec& task);

// Whether its scores are other than 0 and 1.
bool HasContinuousScores(const v1::TaskSpec& task);

// What scores are: continuous where a task's are, also of the other tasks.
ScoreKind ScoreKindOf(const v1::CampaignSpec& spec);

bool IsLanguageModel(const v1::ModelSpec& model);

// Whether candidates are kept as weights instead of recipes: the seeds are
// random.
bool KeepsWeights(const v1::CampaignSpec& spec);

// Whether recipes are of differences from model.base: search.origin is "base".
bool HasBaseOrigin(const v1::CampaignSpec& spec);

// What recipes are made of: the seeds and, with HasBaseOrigin(), the base
// behind them. Pointers into the spec.
std::vector<const v1::SeedSpec*> RecipeSeeds(const v1::CampaignSpec& spec);
std::vector<v1::SeedSpec*> MutableRecipeSeeds(v1::CampaignSpec& spec);
// Their names.
std::vector<std::string> RecipeSeedNames(const v1::CampaignSpec& spec);

// What weights are rounded to where KeepsWeights(): float32 unless the spec
// says otherwise.
// Errors: InvalidArgument for an unknown name.
absl::StatusOr<DType> WeightsDTypeOf(const v1::CampaignSpec& spec);

// What forward passes of language models are computed in: float32 unless the
// spec says otherwise.
// Errors: InvalidArgument for an unknown name.
absl::StatusOr<DType> ComputeDTypeOf(const v1::CampaignSpec& spec);

// The parameter vector that model.layers ask for.
// Errors: InvalidArgument that begins with "model.layers: ".
absl::StatusOr<ParameterLayout> LayoutOfLayers(const v1::ModelSpec& model);

// The parameter vector of a resolved model.
// Errors: InvalidArgument naming the tensor, or that there are none.
absl::StatusOr<ParameterLayout> LayoutOfModel(const v1::ModelSpec& model);

// The digest of random seed `seed`, 0 … K-1; `layout` is the model's.
Digest RandomSeedDigestOf(const v1::CampaignSpec& spec,
                          const ParameterLayout& layout, int seed);

// Options of the schedule of a resolved, validated spec.
// Errors: InvalidArgument naming the field that is not resolved or not valid.
absl::StatusOr<ScheduleOptions> MakeScheduleOptions(
    const v1::CampaignSpec& spec);

}  // namespace merganser
