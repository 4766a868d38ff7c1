// A campaign's state in words.
#pragma once

#include <string>

#include "merganser/v1/campaign.pb.h"

namespace merganser {

// "running", "completed", …
std::string StateName(v1::CampaignState state);

// COMPLETED, CANCELLED or FAILED.
bool HasEnded(v1::CampaignState state);

}  // namespace merganser
