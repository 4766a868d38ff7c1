// Checks of what a search goes beyond the paper with: its origin, noise on
// coefficients, chromosomes.
#pragma once

#include "absl/status/status.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Takes a spec whose fields are in their ranges.
// Errors: InvalidArgument that begins with the field's path, for a base that is
// missing or of no use, names that are not unique, and for any of it with
// random seeds.
absl::Status ValidateOrigin(const v1::CampaignSpec& spec);

}  // namespace merganser
