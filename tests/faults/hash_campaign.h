// The digits campaign with scores by hash, and where it must end.
#pragma once

#include <string>
#include <vector>

#include "merganser/v1/campaign.pb.h"

namespace merganser {

// What makes examples/digits-pretrained.yaml a campaign of many small chunks.
std::vector<std::string> HashCampaignSettings(int64_t evaluations);

// With them, resolved. Aborts if the example cannot be read.
v1::CampaignSpec HashCampaignSpec(int64_t evaluations);

// The same of examples/digits-scratch.yaml, with a smaller network.
v1::CampaignSpec HashScratchSpec(int64_t evaluations);

// What makes it a campaign from a base, which is written to `folder`, with
// noise on coefficients and two chromosomes. Aborts if that cannot be written.
std::vector<std::string> BaseSettings(const std::string& folder);

// HashCampaignSpec() with BaseSettings().
v1::CampaignSpec HashBaseSpec(int64_t evaluations, const std::string& folder);

// The archive_digest of the spec, in hexadecimal, computed without a service:
// a score is the lowest bit of a byte of a hash of (genome, the chunk's members
// in order, row), as merganser-hash-worker has it.
std::string ExpectedDigestOf(const v1::CampaignSpec& spec);

}  // namespace merganser
