#include "client/results/write_results.h"

#include <filesystem>
#include <optional>
#include <string>

#include "client/embedded/temporary_folder.h"
#include "client/replay/synthetic_campaign.h"
#include "common/storage/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

class WriteResultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    auto campaign = MakeSyntheticCampaign(folder_->path(), 50);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    campaign_ = *std::move(campaign);
    options_.folder = folder_->path() + "/results";
    std::filesystem::create_directory(options_.folder);
  }

  absl::StatusOr<WrittenResults> Write() {
    return WriteResults(
        [this](ExportPart part) { return campaign_.Export(part); }, options_);
  }

  std::optional<TemporaryFolder> folder_;
  SyntheticCampaign campaign_;
  ResultOptions options_;
};

TEST_F(WriteResultsTest, WritesEveryFile) {
  const auto written = Write();
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_THAT(written->files,
              ElementsAre("winner.safetensors", "winner_recipe.json",
                          "summary.json", "curve.csv", "curve.svg", "replay"));
  const auto text = ReadFile(options_.folder + "/summary.json");
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, SummaryToJson(written->summary));
}

TEST_F(WriteResultsTest, WithoutWeightsNoSeedIsRead) {
  std::filesystem::remove(folder_->path() + "/seed-0.safetensors");
  EXPECT_FALSE(Write().ok());
  options_.weights = false;
  const auto written = Write();
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_THAT(written->files, Not(Contains("winner.safetensors")));
}

TEST_F(WriteResultsTest, AnExportThatFailsLeavesNoSummary) {
  const auto written = WriteResults(
      [](ExportPart) { return absl::UnavailableError("gone"); }, options_);
  EXPECT_EQ(written.status().message(), "gone");
  EXPECT_FALSE(std::filesystem::exists(options_.folder + "/summary.json"));
}

TEST_F(WriteResultsTest, WritingAgainReplacesTheFiles) {
  ASSERT_TRUE(Write().ok());
  campaign_.header.mutable_campaign()->set_uid("another");
  const auto written = Write();
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->summary.uid, "another");
}

}  // namespace
}  // namespace merganser
