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
using ::testing::IsEmpty;
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

TEST_F(WriteResultsTest, WithoutWeightsAnEarlierWinnerIsRemoved) {
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(ResultFilesMissingIn(options_.folder), IsEmpty());
  options_.weights = false;
  const auto written = Write();
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_THAT(ResultFilesMissingIn(options_.folder),
              ElementsAre("winner.safetensors"));
}

TEST_F(WriteResultsTest, SeedsThatCannotBeReadLeaveNothingBehind) {
  std::filesystem::remove(folder_->path() + "/seed-0.safetensors");
  EXPECT_EQ(Write().status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(std::filesystem::is_empty(options_.folder));
}

TEST_F(WriteResultsTest, AnExportMayGoToANewOrAnEmptyFolderOrItsOwn) {
  const std::string uid = campaign_.header.campaign().uid();
  EXPECT_TRUE(CheckExportFolder(folder_->path() + "/new", uid).ok());
  EXPECT_TRUE(CheckExportFolder(options_.folder, uid).ok());
  ASSERT_TRUE(Write().ok());
  EXPECT_TRUE(CheckExportFolder(options_.folder, uid).ok());
}

TEST_F(WriteResultsTest, AnExportIsRefusedWhereSomethingElseIs) {
  const std::string file = options_.folder + "/thesis.tex";
  ASSERT_TRUE(WriteFileAtomically(file, std::string("precious")).ok());
  const absl::Status foreign = CheckExportFolder(options_.folder, "uid");
  EXPECT_EQ(foreign.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(foreign.message(), options_.folder +
                                   ": is not empty and holds no export of this "
                                   "campaign; choose another --output");
  EXPECT_EQ(CheckExportFolder(file, "uid").code(),
            absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(Write().ok());
  EXPECT_EQ(CheckExportFolder(options_.folder, "another").code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(WriteResultsTest, AnExportThatFailsKeepsAnEarlierRecord) {
  ASSERT_TRUE(Write().ok());
  std::filesystem::remove(folder_->path() + "/seed-0.safetensors");
  EXPECT_FALSE(Write().ok());
  EXPECT_TRUE(std::filesystem::exists(options_.folder + "/replay/header.pb"));
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
