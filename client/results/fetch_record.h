// A campaign's record, from its coordinator.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace merganser {

// Writes the record of the campaign `name` to `folder`, whose parent exists.
// Errors: those of CampaignClient::Export() and RecordWriter.
absl::Status FetchRecord(const std::string& coordinator,
                         const std::string& name, const std::string& folder);

}  // namespace merganser
