// Specs and results for tests of the coordinator, with scores by hash.
#pragma once

#include <string>

#include "common/schedule/testing/fake_campaign.h"
#include "coordinator/campaign/campaign_runner.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// A resolved, valid spec of `campaign`: one task, with 10 holdout datapoints.
v1::CampaignSpec FakeSpec(const std::string& name, const FakeCampaign& campaign,
                          int64_t evaluations);

// A campaign "uid" of this spec, as it is stored.
storage::v1::SpecRecord FakeRecord(const v1::CampaignSpec& spec);

// What a worker would report for an open job: FakeScores of its genome.
v1::JobResult FakeResult(const FakeCampaign& campaign,
                         const CampaignRunner& runner, const JobKey& key);
// The same for a job and, if its layout is not the file's, its layout.
v1::JobResult FakeResult(const FakeCampaign& campaign, const v1::Job& job,
                         const v1::ChunkLayout* layout);

}  // namespace merganser
