// A model's tensors, grouped as its campaign asks for.
#pragma once

#include "absl/status/statusor.h"
#include "common/genome/parameter_layout.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Groups the tensors by model.chromosomes: each belongs to the first one that
// has a pattern for it, in the order of the parameter vector. Without any, all
// are in one.
// Errors: InvalidArgument naming model.chromosomes[i], or the pattern, that
// gets no tensor; or a tensor that no pattern matches.
absl::StatusOr<GenomeLayout> GroupByPatterns(ParameterLayout parameters,
                                             const v1::ModelSpec& model);

}  // namespace merganser
