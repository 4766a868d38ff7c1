#include "client/report/report_data.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/embedded/temporary_folder.h"
#include "client/replay/synthetic_campaign.h"
#include "client/results/winner.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using nlohmann::ordered_json;

class ReportDataTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
  }

  absl::StatusOr<ordered_json> DataOf(
      const absl::StatusOr<SyntheticCampaign>& campaign) {
    EXPECT_TRUE(campaign.ok()) << campaign.status();
    auto writer = RecordWriter::Create(folder_->path() + "/record");
    EXPECT_TRUE(writer.ok()) << writer.status();
    EXPECT_TRUE(campaign
                    ->Export([&](v1::ExportCampaignResponse& part) {
                      return writer->Add(part);
                    })
                    .ok());
    EXPECT_TRUE(writer->Commit().ok());
    const auto record = RecordReader::Open(folder_->path() + "/record");
    EXPECT_TRUE(record.ok()) << record.status();
    return MakeReportData(**record);
  }

  std::optional<TemporaryFolder> folder_;
};

TEST_F(ReportDataTest, TheWinnersLineageEndsWithTheRecipeOfTheHeader) {
  const auto campaign = MakeSyntheticCampaign(folder_->path(), 250);
  const auto data = DataOf(campaign);
  ASSERT_TRUE(data.ok()) << data.status();
  const ordered_json& winner = (*data)["lineage"]["candidates"].back();
  EXPECT_EQ(winner["candidate"], (*data)["summary"]["best"]["candidate"]);
  const auto recipe = WinnerRecipeJson(*BestMember(campaign->header),
                                       campaign->header.campaign().spec());
  ASSERT_TRUE(recipe.ok()) << recipe.status();
  const ordered_json page = ordered_json::parse(*recipe);
  for (size_t k = 0; k < page["seeds"].size(); ++k) {
    EXPECT_EQ(winner["shares"][k], page["seeds"][k]["share"]);
  }
  EXPECT_EQ((*data)["layers"], page["layers"]);
}

TEST_F(ReportDataTest, ParentsComeBeforeTheirChildren) {
  const auto data = DataOf(MakeSyntheticCampaign(folder_->path(), 250));
  ASSERT_TRUE(data.ok()) << data.status();
  std::vector<int64_t> seen;
  for (const ordered_json& found : (*data)["lineage"]["candidates"]) {
    if (found.contains("parents")) {
      for (const int64_t parent : found["parents"]) {
        EXPECT_THAT(seen, ::testing::Contains(parent));
      }
    }
    seen.push_back(found["candidate"]);
  }
  EXPECT_EQ(seen.size(), (*data)["lineage"]["all"]);
  EXPECT_GT(seen.size(), 2);
}

TEST_F(ReportDataTest, WithABaseTheBaseIsASeedOfTheRecipes) {
  const auto data = DataOf(MakeSyntheticBaseCampaign(folder_->path(), 60));
  ASSERT_TRUE(data.ok()) << data.status();
  const ordered_json& seeds = (*data)["seeds"];
  EXPECT_EQ(seeds.back()["base"], true);
  EXPECT_EQ((*data)["layers"][0]["shares"].size(), seeds.size());
  for (const ordered_json& found : (*data)["lineage"]["candidates"]) {
    EXPECT_EQ(found["shares"].size(), seeds.size());
  }
}

TEST_F(ReportDataTest, WhereWeightsAreKeptThereAreNoSharesToTell) {
  const auto data = DataOf(MakeSyntheticWeightsCampaign(folder_->path(), 60));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_TRUE((*data)["layers"].empty());
  EXPECT_FALSE((*data)["lineage"]["candidates"].back().contains("shares"));
}

TEST_F(ReportDataTest, BeforeTheSeedsAreEvaluatedThereIsNothingToReport) {
  auto campaign = MakeSyntheticCampaign(folder_->path(), 10);
  ASSERT_TRUE(campaign.ok()) << campaign.status();
  campaign->header.mutable_campaign()->mutable_progress()->clear_best();
  EXPECT_EQ(DataOf(campaign).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace merganser
