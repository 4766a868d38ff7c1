#include "client/archive/exported_archive.h"

#include <optional>
#include <string>
#include <vector>

#include "client/embedded/temporary_folder.h"
#include "client/replay/synthetic_campaign.h"
#include "common/campaign_spec/campaign_plan.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::StartsWith;

class ExportedArchiveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    auto campaign = MakeSyntheticCampaign(folder->path(), 50);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    header_ = campaign->header;
    auto options = MakeScheduleOptions(header_.campaign().spec());
    ASSERT_TRUE(options.ok()) << options.status();
    options_ = *std::move(options);
  }

  v1::ExportHeader header_;
  ScheduleOptions options_;
};

TEST_F(ExportedArchiveTest, HasTheDigestThatTheCoordinatorNames) {
  const auto archive = ArchiveOfExport(options_, header_);
  ASSERT_TRUE(archive.ok()) << archive.status();
  const v1::Progress& progress = header_.campaign().progress();
  EXPECT_EQ(archive->digest(progress.evaluations()).ToHex(),
            Digest::FromBytes(progress.archive_digest())->ToHex());
}

TEST_F(ExportedArchiveTest, ScoresOfAWrongLengthAreRefusedWithTheirSlot) {
  header_.mutable_slots(1)->set_scores("x");
  const auto archive = ArchiveOfExport(options_, header_);
  EXPECT_EQ(archive.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(archive.status().message()),
              StartsWith("slots[1]: scores: "));
}

TEST_F(ExportedArchiveTest, MoreSlotsThanThePopulationAreRefused) {
  while (header_.slots_size() <= options_.archive.population) {
    header_.add_slots();
  }
  EXPECT_EQ(ArchiveOfExport(options_, header_).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(TaskEndsTest, AreSumsOfTheTasksDatapoints) {
  v1::CampaignSpec spec;
  spec.add_tasks()->mutable_search()->set_rows(4);
  spec.add_tasks()->mutable_search()->set_rows(3);
  EXPECT_EQ(TaskEnds(spec), (std::vector<int64_t>{4, 7}));
}

}  // namespace
}  // namespace merganser
