#include "client/report/campaign_history.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "client/archive/exported_archive.h"
#include "client/embedded/temporary_folder.h"
#include "client/replay/synthetic_campaign.h"
#include "common/campaign_spec/campaign_plan.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CampaignHistoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    auto campaign = MakeSyntheticCampaign(folder_->path(), 250);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    campaign_ = *std::move(campaign);
    auto options = MakeScheduleOptions(campaign_.header.campaign().spec());
    ASSERT_TRUE(options.ok()) << options.status();
    options_ = *std::move(options);
  }

  absl::StatusOr<CampaignHistory> Read() {
    auto writer = RecordWriter::Create(folder_->path() + "/record");
    EXPECT_TRUE(writer.ok()) << writer.status();
    EXPECT_TRUE(campaign_
                    .Export([&](v1::ExportCampaignResponse& part) {
                      return writer->Add(part);
                    })
                    .ok());
    EXPECT_TRUE(writer->Commit().ok());
    const auto record = RecordReader::Open(folder_->path() + "/record");
    EXPECT_TRUE(record.ok()) << record.status();
    return ReadHistory(options_, **record);
  }

  std::optional<TemporaryFolder> folder_;
  SyntheticCampaign campaign_;
  ScheduleOptions options_;
};

// The archive computes them from all scores at once.
TEST_F(CampaignHistoryTest, EndsWhereTheArchiveStands) {
  const auto history = Read();
  ASSERT_TRUE(history.ok()) << history.status();
  const auto archive = ArchiveOfExport(options_, campaign_.header);
  ASSERT_TRUE(archive.ok()) << archive.status();
  EXPECT_NEAR(history->points.back().coverage, archive->coverage(), 1e-12);
  EXPECT_NEAR(history->points.back().entropy, archive->entropy(), 1e-12);
  EXPECT_NEAR(history->points.back().best,
              campaign_.header.campaign().progress().best().search_accuracy(),
              1e-12);
}

TEST_F(CampaignHistoryTest, HasAPointPerAcceptedChild) {
  const auto history = Read();
  ASSERT_TRUE(history.ok()) << history.status();
  size_t accepted = 0;
  for (const v1::LogEntry& entry : campaign_.log) {
    if (entry.dropped_slot() < options_.archive.population) ++accepted;
  }
  EXPECT_GT(accepted, 10);
  EXPECT_EQ(history->points.size(), accepted + 1);
  EXPECT_EQ(history->points.front().evaluations, 0);
  EXPECT_EQ(history->candidates.size(),
            accepted + options_.seed_digests.size());
}

TEST_F(CampaignHistoryTest, ALogThatLeadsElsewhereIsRefused) {
  for (v1::LogEntry& entry : campaign_.log) {
    if (entry.dropped_slot() >= options_.archive.population) continue;
    entry.set_dropped_slot((entry.dropped_slot() + 1) %
                           options_.archive.population);
  }
  const auto history = Read();
  EXPECT_EQ(history.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(history.status().message()),
              HasSubstr("the log does not lead to the archive"));
}

HistoryCandidate ChildOf(int64_t a, int64_t b, bool crossover) {
  HistoryCandidate child;
  child.proposal.emplace();
  child.proposal->set_parent_a(a);
  child.proposal->set_parent_b(b);
  child.proposal->set_crossover(crossover);
  return child;
}

TEST(LineageOfTest, HasEveryAncestorOnce) {
  CampaignHistory history;
  history.candidates[-2] = {};
  history.candidates[-1] = {};
  history.candidates[3] = ChildOf(-2, -1, true);
  history.candidates[4] = ChildOf(-1, -2, true);
  history.candidates[9] = ChildOf(3, 3, true);
  EXPECT_THAT(history.LineageOf(9), ElementsAre(-2, -1, 3, 9));
  EXPECT_THAT(history.LineageOf(-1), ElementsAre(-1));
}

TEST(LineageOfTest, WithoutCrossoverParentBIsNoAncestor) {
  CampaignHistory history;
  history.candidates[-2] = {};
  history.candidates[-1] = {};
  history.candidates[3] = ChildOf(-2, -1, false);
  EXPECT_THAT(history.LineageOf(3), ElementsAre(-2, 3));
  EXPECT_THAT(history.LineageOf(8), IsEmpty());
}

}  // namespace
}  // namespace merganser
