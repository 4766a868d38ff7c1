#include "client/replay/verification.h"

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/strings/str_replace.h"
#include "client/embedded/temporary_folder.h"
#include "client/replay/score_worker.h"
#include "client/replay/synthetic_campaign.h"
#include "client/results/write_results.h"
#include "common/storage/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

// A campaign's folder as `merganser run` leaves it, and how it is verified.
class VerificationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    auto campaign = Make(folder_->path());
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    campaign_ = *std::move(campaign);
    results_ = folder_->path() + "/results";
    std::filesystem::create_directory(results_);
    WriteFolder();
  }

  virtual absl::StatusOr<SyntheticCampaign> Make(const std::string& folder) {
    return MakeSyntheticCampaign(folder, 120);
  }

  void WriteFolder() {
    const auto written =
        WriteResults([this](ExportPart part) { return campaign_.Export(part); },
                     {.folder = results_, .wall_seconds = 3.5});
    ASSERT_TRUE(written.ok()) << written.status();
  }

  absl::StatusOr<VerifyReport> VerifyFolder(
      RescoreChoice rescore = RescoreChoice::kNone) {
    return Verify({.record_folder = results_ + "/replay",
                   .result_folder = results_,
                   .rescore = rescore,
                   .start_scorer = [this](const v1::CampaignSpec& spec)
                       -> absl::StatusOr<std::unique_ptr<Scorer>> {
                     const std::string path = folder_->path() + "/spec.pb";
                     auto status =
                         WriteFileAtomically(path, spec.SerializeAsString());
                     if (!status.ok()) return status;
                     return ScoreWorker::Start(
                         {.binary = MERGANSER_BINARY_DIR "/fake_score_worker",
                          .spec_file = path,
                          .blobs_folder = folder_->path() + "/blobs"});
                   },
                   .blobs_folder = folder_->path() + "/blobs"});
  }

  // Expects exactly one difference and returns it.
  std::string OnlyDifference() {
    const auto report = VerifyFolder();
    if (!report.ok()) return report.status().ToString();
    EXPECT_EQ(report->differences.count(), 1);
    return report->differences.empty()
               ? ""
               : report->differences.first()[0].ToString();
  }

  // Changes the last byte of a file of the results.
  void ChangeLastByte(const std::string& name) {
    const std::string path = results_ + "/" + name;
    auto bytes = ReadFile(path);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    bytes->back() = static_cast<char>(bytes->back() ^ 1);
    ASSERT_TRUE(WriteFileAtomically(path, *bytes).ok());
  }

  void Replace(const std::string& name, const std::string& before,
               const std::string& after) {
    const std::string path = results_ + "/" + name;
    const auto text = ReadFile(path);
    ASSERT_TRUE(text.ok()) << text.status();
    ASSERT_THAT(*text, HasSubstr(before));
    ASSERT_TRUE(
        WriteFileAtomically(path, absl::StrReplaceAll(*text, {{before, after}}))
            .ok());
  }

  std::optional<TemporaryFolder> folder_;
  SyntheticCampaign campaign_;
  std::string results_;
};

TEST_F(VerificationTest, AnUntouchedFolderIsVerified) {
  const auto report = VerifyFolder(RescoreChoice::kAll);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->differences.empty())
      << report->differences.first()[0].ToString();
  EXPECT_TRUE(report->warnings.empty());
  EXPECT_EQ(report->LastLine(),
            "verified: 120 results replayed, archive_digest " +
                report->replay.archive_digest.ToHex() +
                ", winner re-made bit for bit, 121 candidates re-scored");
}

TEST_F(VerificationTest, OneByteOfTheWinnerIsFound) {
  ChangeLastByte("winner.safetensors");
  EXPECT_THAT(OnlyDifference(),
              HasSubstr("winner.safetensors, layers.1.bias: byte 7: "));
}

TEST_F(VerificationTest, AMissingWinnerIsAWarning) {
  std::filesystem::remove(results_ + "/winner.safetensors");
  const auto report = VerifyFolder();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->differences.empty());
  ASSERT_EQ(report->warnings.size(), 1u);
  EXPECT_THAT(report->warnings[0], HasSubstr("winner.safetensors"));
  EXPECT_EQ(report->winner, WinnerCheck::kMissing);
  EXPECT_THAT(report->LastLine(), EndsWith(", winner not compared"));
}

TEST_F(VerificationTest, AFolderWithoutItsSummaryIsNotVerified) {
  std::filesystem::remove(results_ + "/summary.json");
  const auto report = VerifyFolder();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->verified());
  EXPECT_TRUE(report->differences.empty());
  EXPECT_EQ(report->LastLine(),
            "not verified: the folder of results is incomplete, summary.json "
            "is missing");
}

TEST_F(VerificationTest, SaysOfTheWinnerWhetherItIsTheSame) {
  EXPECT_EQ(VerifyFolder()->winner, WinnerCheck::kSame);
  ChangeLastByte("winner.safetensors");
  EXPECT_EQ(VerifyFolder()->winner, WinnerCheck::kDiffers);
}

TEST_F(VerificationTest, WhatCannotBeReadIsAnErrorAndNoDifference) {
  const std::string seed = folder_->path() + "/seed-1.safetensors";
  for (const std::string& path : {seed, results_ + "/replay/header.pb"}) {
    const auto bytes = ReadFile(path);
    ASSERT_TRUE(bytes.ok());
    std::filesystem::remove(path);
    const absl::Status status = VerifyFolder().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(path));
    ASSERT_TRUE(WriteFileAtomically(path, *bytes).ok());
  }
}

TEST_F(VerificationTest, AFieldOfTheSummaryIsFound) {
  Replace("summary.json", "\"accepted\": ", "\"accepted\": 1");
  EXPECT_THAT(OnlyDifference(), HasSubstr("summary.json: /accepted: "));
}

TEST_F(VerificationTest, TheWallTimeIsNoDifference) {
  Replace("summary.json", "\"wall_seconds\": 3.5", "\"wall_seconds\": 99");
  const auto report = VerifyFolder();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->differences.empty());
}

// Written before children could be rejected early and campaigns had shards.
TEST_F(VerificationTest, AnOldFolderIsVerified) {
  campaign_.header.mutable_campaign()
      ->mutable_spec()
      ->mutable_schedule()
      ->clear_shards();
  WriteFolder();
  auto text = ReadFile(results_ + "/summary.json");
  ASSERT_TRUE(text.ok()) << text.status();
  auto page = nlohmann::ordered_json::parse(*text);
  for (const char* field : {"rejected_early", "parked", "parked_confirmed",
                            "datapoint_evaluations_possible"}) {
    ASSERT_EQ(page.erase(field), 1u) << field;
  }
  ASSERT_TRUE(
      WriteFileAtomically(results_ + "/summary.json", page.dump(2)).ok());
  const auto report = VerifyFolder(RescoreChoice::kAll);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->verified()) << report->LastLine();
}

TEST_F(VerificationTest, AFieldOfTheRecipeIsFound) {
  Replace("winner_recipe.json", "CC0-1.0", "MIT");
  EXPECT_EQ(OnlyDifference(),
            "winner_recipe.json: /seeds/0/licence: expected \"CC0-1.0\"; found "
            "\"MIT\"");
}

// A change that agrees with everything but a new evaluation: the child was
// dropped, and its fitness in the log fits the scores.
TEST_F(VerificationTest, AForgedScoreOfADroppedChildIsFoundByRescoring) {
  constexpr int64_t kLast = 119;
  v1::LogEntry& entry = campaign_.log[kLast];
  ASSERT_EQ(entry.dropped_slot(), campaign_.header.slots_size())
      << "the last child of the synthetic campaign must be one that is dropped";
  std::string& scores = *entry.mutable_scores();
  // Without any score at all it is dropped as well, with fitness 0.
  scores.assign(scores.size(), '\0');
  entry.set_child_fitness(0);
  WriteFolder();

  auto report = VerifyFolder(RescoreChoice::kNone);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->differences.empty());

  report = VerifyFolder(RescoreChoice::kAccepted);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->differences.empty());

  report = VerifyFolder(RescoreChoice::kAll);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->differences.count(), 1);
  EXPECT_THAT(report->differences.first()[0].ToString(),
              HasSubstr("log entry 119: scores: "));
  EXPECT_EQ(report->LastLine(), "not verified: 1 difference");
}

TEST_F(VerificationTest, AHoldoutAccuracyIsFoundByRescoring) {
  v1::BestCandidate& best =
      *campaign_.header.mutable_campaign()->mutable_progress()->mutable_best();
  best.set_holdout_accuracy(best.holdout_accuracy() + 0.1);
  WriteFolder();
  const auto report = VerifyFolder(RescoreChoice::kAccepted);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->differences.count(), 1);
  EXPECT_THAT(report->differences.first()[0].ToString(),
              HasSubstr("the best member: holdout_accuracy: "));
}

TEST_F(VerificationTest, AChangedSeedIsAnError) {
  const std::string path = folder_->path() + "/seed-1.safetensors";
  auto bytes = ReadFile(path);
  ASSERT_TRUE(bytes.ok());
  bytes->back() = static_cast<char>(bytes->back() ^ 1);
  ASSERT_TRUE(WriteFileAtomically(path, *bytes).ok());
  EXPECT_THAT(std::string(VerifyFolder().status().message()),
              HasSubstr("seed-1.safetensors is not what the campaign was "
                        "submitted with"));
}

TEST_F(VerificationTest, ARecordThatIsCutShortIsAnError) {
  const std::string path = results_ + "/replay/log.pb";
  const auto bytes = ReadFile(path);
  ASSERT_TRUE(bytes.ok());
  ASSERT_TRUE(
      WriteFileAtomically(path, bytes->substr(0, bytes->size() - 3)).ok());
  EXPECT_THAT(std::string(VerifyFolder().status().message()),
              HasSubstr("log.pb: expected a LogEntry behind the first 119"));
}

// The same of a campaign that keeps weights.
class VerificationOfWeightsTest : public VerificationTest {
 protected:
  absl::StatusOr<SyntheticCampaign> Make(const std::string& folder) override {
    return MakeSyntheticWeightsCampaign(folder, 120);
  }
};

TEST_F(VerificationOfWeightsTest, AnUntouchedFolderIsVerified) {
  const auto report = VerifyFolder(RescoreChoice::kAll);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->differences.empty())
      << report->differences.first()[0].ToString();
  EXPECT_TRUE(report->warnings.empty());
  EXPECT_EQ(report->LastLine(),
            "verified: 120 results replayed, archive_digest " +
                report->replay.archive_digest.ToHex() +
                ", winner re-made bit for bit, 122 candidates re-scored");
}

TEST_F(VerificationOfWeightsTest, OneByteOfTheWinnerIsFound) {
  ChangeLastByte("winner.safetensors");
  EXPECT_THAT(OnlyDifference(),
              HasSubstr("winner.safetensors, layers.1.bias: byte 7: "));
}

TEST_F(VerificationOfWeightsTest, AFieldOfTheLineageIsFound) {
  Replace("winner_recipe.json", "\"mutation_sigma\": 0.125",
          "\"mutation_sigma\": 0.25");
  EXPECT_EQ(OnlyDifference(),
            "winner_recipe.json: /mutation_sigma: expected 0.125; found 0.25");
}

TEST_F(VerificationOfWeightsTest, ADigestOfAnAncestorIsFound) {
  ASSERT_FALSE(VerifyFolder()->replay.winner.ancestors.empty());
  const std::string digest =
      VerifyFolder()->replay.winner.ancestors[0].weights.ToHex();
  Replace("winner_recipe.json", digest, std::string(64, '0'));
  EXPECT_EQ(OnlyDifference(),
            "winner_recipe.json: /ancestors/0/digest: expected \"" + digest +
                "\"; found \"" + std::string(64, '0') + "\"");
}

}  // namespace
}  // namespace merganser
