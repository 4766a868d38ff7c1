// From a campaign's spec to what the schedule needs.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "common/schedule/ordered_schedule.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// The chunk size in force: the spec's, or its default.
int ChunkSize(const v1::TaskSpec& task);

// The holdout datapoints, task after task; tasks without one are left out of
// the numbering as empty extents (begin == end).
std::vector<TaskExtent> HoldoutExtents(const v1::CampaignSpec& spec);

// Options of the schedule of a resolved, validated spec.
// Errors: InvalidArgument naming the field that is not resolved or not valid.
absl::StatusOr<ScheduleOptions> MakeScheduleOptions(
    const v1::CampaignSpec& spec);

}  // namespace merganser
