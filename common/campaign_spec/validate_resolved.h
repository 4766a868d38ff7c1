// A part of validate.h; include that.
#pragma once

#include "absl/status/status.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Checks the fields that are marked "resolved" in campaign.proto.
absl::Status ValidateResolved(const v1::CampaignSpec& spec);

}  // namespace merganser
