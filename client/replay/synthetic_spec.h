// The spec of a small campaign for tests, with its files.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Writes two seeds and two datasets to `folder`.
absl::StatusOr<v1::CampaignSpec> MakeSyntheticSpec(const std::string& folder,
                                                   int64_t evaluations);

// The same from a base, with noise on coefficients and two chromosomes.
absl::StatusOr<v1::CampaignSpec> MakeSyntheticBaseSpec(
    const std::string& folder, int64_t evaluations);

// Writes two datasets to `folder`; three seeds are random, and children are
// mutated.
absl::StatusOr<v1::CampaignSpec> MakeSyntheticWeightsSpec(
    const std::string& folder, int64_t evaluations);

}  // namespace merganser
