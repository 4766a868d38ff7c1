// The one check of a campaign's spec, for the client and the coordinator.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

struct ValidateOptions {
  // Also ask for what the client fills in from the files: the tensors, digests
  // and numbers of rows.
  bool require_resolved = false;
};

// Checks every name, range and rule that campaign.proto states.
// Errors: InvalidArgument that begins with the field as the campaign file has
// it: "search.population: expected 2 to 10000; got 1".
absl::Status ValidateSpec(const v1::CampaignSpec& spec,
                          const ValidateOptions& options = {});

// Errors: InvalidArgument unless `name` is [A-Za-z0-9._-]+ of at most 63
// characters. `field` begins the message.
absl::Status ValidateName(const std::string& field, const std::string& name);

}  // namespace merganser
