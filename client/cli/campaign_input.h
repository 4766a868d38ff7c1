// From what the command line says to a campaign that can be submitted.
#pragma once

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Loads the file, applies --set, and checks and resolves all that it names.
// Errors: InvalidArgument, ready to be shown.
absl::StatusOr<v1::CampaignSpec> LoadCampaign(const FileOptions& options);

}  // namespace merganser
