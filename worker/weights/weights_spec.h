// What a campaign's spec says of its weights.
#pragma once

#include "absl/status/statusor.h"
#include "common/genome/parameter_layout.h"
#include "common/storage/dtype.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Whether the campaign starts from random seeds, so that candidates are kept as
// weights and not as recipes of the seeds.
bool KeepsWeights(const v1::CampaignSpec& spec);

// model.weights_dtype; `otherwise` when it is empty.
// Errors: InvalidArgument naming the field.
absl::StatusOr<DType> WeightsDType(const v1::ModelSpec& model, DType otherwise);

// The layout that model.tensors give, which must be that of an MLP: [in][out]
// and [out] in turn, each layer as wide as the next one takes.
// Errors: InvalidArgument naming the tensor and what was expected.
absl::StatusOr<ParameterLayout> MlpLayoutOf(const v1::ModelSpec& model);

}  // namespace merganser
