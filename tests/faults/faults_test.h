// A campaign on a cluster of real processes, and where it must end.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/digest.h"
#include "tests/faults/test_cluster.h"

namespace merganser {

// So that there is a middle in which something can happen.
inline constexpr char kDelay[] = "--delay-us=1000";

class FaultsTest : public testing::Test {
 protected:
  FaultsTest(v1::CampaignSpec spec, std::string expected_digest)
      : spec_(std::move(spec)), expected_digest_(std::move(expected_digest)) {}

  void Submit() { Submit(spec_); }
  void Submit(const v1::CampaignSpec& spec) {
    const auto campaign = cluster_.client().CreateCampaign(spec, "request");
    ASSERT_TRUE(campaign.ok()) << campaign.status();
  }

  void StartWorkers(int count) {
    for (int i = 0; i < count; ++i) {
      cluster_.StartWorker(absl::StrCat("w", i), {kDelay});
    }
  }

  v1::Progress ExpectTheSameEnd() { return ExpectTheSameEnd(spec_.name()); }
  v1::Progress ExpectTheSameEnd(const std::string& name) {
    const v1::Campaign campaign = cluster_.WaitForTheEnd(name);
    EXPECT_EQ(campaign.state(), v1::CAMPAIGN_STATE_COMPLETED)
        << campaign.message();
    EXPECT_EQ(campaign.progress().evaluations(), spec_.budget().evaluations());
    EXPECT_EQ(Digest::FromBytes(campaign.progress().archive_digest())->ToHex(),
              expected_digest_);
    EXPECT_EQ(campaign.progress().conflicts(), 0);
    EXPECT_EQ(campaign.progress().quarantined(), 0);
    return campaign.progress();
  }

  const v1::CampaignSpec spec_;
  const std::string expected_digest_;
  TestCluster cluster_;
};

}  // namespace merganser
