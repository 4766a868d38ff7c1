// All that a report shows, as JSON.
#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "client/results/campaign_record.h"

namespace merganser {

// The object that the page's script reads. `record` was just opened; its log is
// read to the end.
// Errors: FailedPrecondition before the seeds are evaluated; InvalidArgument
// for a spec that is not valid; DataLoss for a record that contradicts itself.
absl::StatusOr<nlohmann::ordered_json> MakeReportData(RecordReader& record);

}  // namespace merganser
