// Compares a folder of results with what its record says they must be.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/replay/difference.h"
#include "client/results/winner.h"
#include "merganser/v1/campaign_service.pb.h"

namespace merganser {

// The tensors of winner.safetensors, or of the folder winner/ of a language
// model, byte for byte, with the winner made again from the seeds.
// Errors: NotFound without either; InvalidArgument when it is no such file.
absl::Status CheckWinnerWeights(const std::string& folder,
                                const ParameterVector& weights,
                                DifferenceList& differences);

// winner_recipe.json and summary.json, field by field, but for the time that
// the run took. The names of files that are not there are added to `missing`.
// Errors: InvalidArgument when the recipe does not fit the spec.
absl::Status CheckPages(const std::string& folder, const Winner& winner,
                        const v1::ExportHeader& header,
                        DifferenceList& differences,
                        std::vector<std::string>& missing);

}  // namespace merganser
