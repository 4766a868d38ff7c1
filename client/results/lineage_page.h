// winner_recipe.json of campaigns that keep weights: how to make the winner
// from random numbers.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/results/winner.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// The winner's ancestors, oldest first, with all that makes them, as JSON;
// docs/formats.md has the fields.
// Errors: InvalidArgument for a weights_dtype that is not known.
absl::StatusOr<std::string> LineagePage(const Winner& winner,
                                        const v1::CampaignSpec& spec);

}  // namespace merganser
