// A campaign with simulated scores and nothing around it.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "benchmarks/simulated_scores.h"
#include "common/genome/gram.h"
#include "common/genome/parameter_layout.h"
#include "common/schedule/ordered_schedule.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// The Gram sums of a resolved spec's seeds, as a worker would compute them.
absl::StatusOr<GramSums> MakeGram(const v1::CampaignSpec& spec,
                                  const GenomeLayout& layout);

// Draws and applies so many children in one loop. Returns how many of them
// entered the archive. The campaign has one task of binary scores.
absl::StatusOr<int64_t> FoldCampaign(const ScheduleOptions& options,
                                     GramSums gram,
                                     const SimulatedScores& simulated,
                                     int64_t children);

}  // namespace merganser
