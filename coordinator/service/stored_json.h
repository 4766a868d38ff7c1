// What is stored of a campaign, in a form that people can read.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/store/campaign_store.h"
#include "merganser/v1/campaign_service.pb.h"

namespace merganser {

// First the raw keys with what they hold, then every value: "collection key"
// and its JSON. Gram sums are only described. Blocks.
// Errors: NotFound; those of the store. A value that cannot be decoded says so
// in its line.
absl::StatusOr<std::vector<v1::DumpCampaignResponse>> DumpAsJson(
    CampaignStore& store, const std::string& name);

}  // namespace merganser
