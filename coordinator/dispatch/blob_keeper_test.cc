#include "coordinator/dispatch/blob_keeper.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "coordinator/dispatch/core_fixture.h"

namespace merganser {
namespace {

constexpr absl::Duration kTick = absl::Nanoseconds(1);

// A campaign that keeps weights, in a folder of the test.
class BlobKeeperTest : public CoreTest {
 protected:
  void SetUp() override {
    campaign_ = MakeFakeScratchCampaign(/*window=*/6);
    const std::string folder =
        testing::TempDir() + "/blobs-" +
        testing::UnitTest::GetInstance()->current_test_info()->name();
    auto blobs = BlobStore::Open({.directory = folder, .max_bytes = 4000});
    ASSERT_TRUE(blobs.ok()) << blobs.status();
    blobs_ = *std::move(blobs);
    for (const auto& [digest, size] : blobs_->List()) blobs_->Delete(digest);
    ASSERT_TRUE(store_.TakeOwnership({}, ++epoch_, "here").ok());
    StartCore();
  }

  void Sweep() {
    OnLoop<int>([this] {
      core_->keeper()->Sweep();
      return 0;
    });
  }

  // Whether a blob that nobody pins is there after two sweeps so far apart.
  bool SurvivesSweeps(absl::Duration distance) {
    const Digest garbage = *blobs_->Put("nobody needs this");
    Sweep();
    clock_.Advance(distance);
    Sweep();
    core_.reset();  // finishes what the sweep has begun
    const bool survives = blobs_->Has(garbage);
    StartCore();
    return survives;
  }

  std::function<bool()> Applied(int64_t results) {
    return [this, results] {
      return Campaign().progress().evaluations() >= results;
    };
  }

  void LoseAllBlobs() {
    for (const auto& [digest, size] : blobs_->List()) blobs_->Delete(digest);
  }
};

TEST_F(BlobKeeperTest, WithoutACampaignUnpinnedBlobsGoAtOnce) {
  EXPECT_FALSE(SurvivesSweeps(absl::ZeroDuration()));
}

TEST_F(BlobKeeperTest, AnUnpinnedBlobGoesAfterTheGraceNotBefore) {
  ASSERT_TRUE(Create(FakeSpec(kName, campaign_, kEvaluations)).ok());
  EXPECT_TRUE(SurvivesSweeps(absl::Minutes(1) - kTick));
  EXPECT_FALSE(SurvivesSweeps(absl::Minutes(1)));
}

TEST_F(BlobKeeperTest, ACrowdedStoreIsSweptSooner) {
  ASSERT_TRUE(Create(FakeSpec(kName, campaign_, kEvaluations)).ok());
  ASSERT_TRUE(blobs_->Put(std::string(3500, 'x')).ok());
  EXPECT_TRUE(SurvivesSweeps(absl::Seconds(10) - kTick));
  EXPECT_FALSE(SurvivesSweeps(absl::Seconds(10)));
}

TEST_F(BlobKeeperTest, ACampaignWhoseWeightsDoNotFitIsRefused) {
  v1::CampaignSpec spec = FakeSpec(kName, campaign_, kEvaluations);
  spec.mutable_search()->set_population(4000 / 36 - 1);
  const absl::Status refused = Create(spec);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("search.population"), std::string::npos);
  spec.mutable_search()->set_population(4000 / 36 - 2);
  EXPECT_TRUE(Create(spec, "another").ok());
}

TEST_F(BlobKeeperTest, ACampaignSaysThatThereIsLittleRoom) {
  ASSERT_TRUE(Create(FakeSpec(kName, campaign_, kEvaluations)).ok());
  const auto conditions = [this] {
    return OnLoop<std::vector<std::string>>([this] {
      return core_->desk().Conditions(**core_->registry().Find(kName));
    });
  };
  const auto of_room = [](const std::vector<std::string>& all) {
    return std::count_if(all.begin(), all.end(), [](const std::string& text) {
      return text.find("--blob-gib") != std::string::npos;
    });
  };
  ASSERT_TRUE(blobs_->Put(std::string(3599, 'x')).ok());
  EXPECT_EQ(of_room(conditions()), 0);
  ASSERT_TRUE(blobs_->Put("y").ok());
  EXPECT_EQ(of_room(conditions()), 1);
}

TEST_F(BlobKeeperTest, BlobsOfARunningCampaignStay) {
  ASSERT_TRUE(Create(FakeSpec(kName, campaign_, kEvaluations)).ok());
  FakeWorker worker(*this, "a");
  RunToTheEnd(*this, {&worker}, Applied(20));
  const auto before = OnLoop<std::set<Digest>>([this] {
    return (*core_->registry().Find(kName))
        ->runner->PinnedBlobs([](const Digest&) { return true; });
  });
  ASSERT_FALSE(before.empty());
  EXPECT_FALSE(SurvivesSweeps(absl::Minutes(1)));
  for (const Digest& digest : before) EXPECT_TRUE(blobs_->Has(digest));
}

TEST_F(BlobKeeperTest, ACampaignWhoseBlobsAreLostEndsWithTheSameArchive) {
  ASSERT_TRUE(Create(FakeSpec(kName, campaign_, kEvaluations)).ok());
  FakeWorker a(*this, "a");
  FakeWorker b(*this, "b");
  for (const int64_t results : {0, 1, 20, 41}) {
    RunToTheEnd(*this, {&a, &b}, Applied(results));
    LoseAllBlobs();
  }
  RunToTheEnd(*this, {&a, &b}, [this] {
    return Campaign().state() == v1::CAMPAIGN_STATE_COMPLETED;
  });
  EXPECT_GT(a.missing_ + b.missing_, 3);
  const v1::Campaign campaign = Campaign();
  EXPECT_EQ(campaign.state(), v1::CAMPAIGN_STATE_COMPLETED);
  EXPECT_EQ(campaign.progress().archive_digest(), ExpectedDigest());
  EXPECT_EQ(campaign.progress().quarantined(), 0);
}

}  // namespace
}  // namespace merganser
