// A part of validate.h; include that.
#pragma once

#include "absl/status/status.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Checks what depends on the kind of the seeds, files or random: they are all
// of one kind, and the fields that belong to the other one are unset. Takes a
// spec whose single fields are in range.
absl::Status ValidateSeeds(const v1::CampaignSpec& spec);

}  // namespace merganser
