// Which settings of a model go together.
#pragma once

#include "absl/status/status.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// What a family needs and what it has no use for. Takes a spec of which every
// field is in its own range.
// Errors: InvalidArgument naming the field and what was expected.
absl::Status ValidateModel(const v1::CampaignSpec& spec);

}  // namespace merganser
