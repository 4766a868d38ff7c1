// The archive that a coordinator exports, as one that can be asked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/evolution/archive.h"
#include "common/schedule/ordered_schedule.h"
#include "merganser/v1/campaign_service.pb.h"

namespace merganser {

// The search scores of a candidate as they are packed in logs and headers.
// Errors: DataLoss that begins with `where`.
absl::StatusOr<std::vector<uint32_t>> UnpackExported(
    const ArchiveOptions& options, const std::string& packed,
    const std::string& where);

// The slots of the header. Cost: one pass over all scores.
// Errors: InvalidArgument for a spec that is not valid; DataLoss naming the
// slot that does not fit it.
absl::StatusOr<Archive> ArchiveOfExport(const ScheduleOptions& options,
                                        const v1::ExportHeader& header);

// Which of the spec's tasks a search datapoint belongs to: the number of
// datapoints of the tasks up to and including each.
std::vector<int64_t> TaskEnds(const v1::CampaignSpec& spec);

}  // namespace merganser
