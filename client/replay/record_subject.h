// Where a command finds a campaign's record: in a folder of results, or at the
// coordinator.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace merganser {

struct RecordSubject {
  std::string record_folder;
  std::optional<std::string> result_folder;  // absent: a campaign by its name
  int threads_per_worker = 1;                // 1 for an export
};

// `subject` is a folder of results, or else the name of a campaign, whose
// record is fetched into a folder in `temporary`. Errors: InvalidArgument for a
// folder without a record; those of the coordinator.
absl::StatusOr<RecordSubject> FindRecord(const std::string& subject,
                                         const std::string& coordinator,
                                         const std::string& temporary);

}  // namespace merganser
