// A part of validate.h; include that.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Checks what depends on the kind of the seeds, files or random: they are all
// of one kind, and the fields that belong to the other one are unset. Takes a
// spec whose single fields are in range.
absl::Status ValidateSeeds(const v1::CampaignSpec& spec);

// Takes a seed, or the base, that names a repository; `field` is "seeds[1]" or
// "model.base".
// Errors: InvalidArgument that begins with the field's path, for a name that is
// none, a path beside it, and with any family but language_model.
absl::Status ValidateHubSeed(const std::string& field, const v1::SeedSpec& seed,
                             const v1::ModelSpec& model);

}  // namespace merganser
