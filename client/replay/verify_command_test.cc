#include "client/replay/verify_command.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/application.h"
#include "client/embedded/temporary_folder.h"
#include "client/replay/synthetic_campaign.h"
#include "client/results/write_results.h"
#include "common/storage/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  int code = 0;
  std::string out;
  std::string error;
};

Outcome Execute(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv = {"merganser", "verify"};
  for (const std::string& argument : arguments) {
    argv.push_back(argument.c_str());
  }
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Application application;
  AddVerifyCommand(application.app(), application.global(),
                   application.chosen());
  Outcome outcome;
  outcome.code = application.Run(static_cast<int>(argv.size()), argv.data());
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.error = ::testing::internal::GetCapturedStderr();
  return outcome;
}

class VerifyCommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    auto campaign = MakeSyntheticCampaign(folder_->path(), 20);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    results_ = folder_->path() + "/results";
    std::filesystem::create_directory(results_);
    const auto written =
        WriteResults([&](ExportPart part) { return campaign->Export(part); },
                     {.folder = results_});
    ASSERT_TRUE(written.ok()) << written.status();
  }

  // The folder is verified without any evaluation.
  Outcome VerifyAsJson() {
    return Execute({results_, "--rescore", "none", "--json"});
  }

  std::optional<TemporaryFolder> folder_;
  std::string results_;
};

TEST_F(VerifyCommandTest, HelpShowsChoicesAsOneTypesThem) {
  EXPECT_THAT(
      Execute({"--help"}).out,
      AllOf(HasSubstr("--rescore all|accepted|none"), HasSubstr("Exit codes:"),
            Not(HasSubstr("->")), Not(HasSubstr("{"))));
  const Outcome wrong = Execute({results_, "--rescore", "some"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.error,
              HasSubstr("expected all, accepted or none; got \"some\""));
}

TEST_F(VerifyCommandTest, TheWinnerIsComparedAndTheSame) {
  const Outcome outcome = VerifyAsJson();
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  const auto page = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(page["verified"], true);
  EXPECT_EQ(page["winner_compared"], true);
  EXPECT_EQ(page["winner_differs"], false);
}

TEST_F(VerifyCommandTest, AWinnerThatDiffersGivesOne) {
  const std::string path = results_ + "/winner.safetensors";
  auto bytes = ReadFile(path);
  ASSERT_TRUE(bytes.ok());
  bytes->back() = static_cast<char>(bytes->back() ^ 1);
  ASSERT_TRUE(WriteFileAtomically(path, *bytes).ok());
  const Outcome outcome = VerifyAsJson();
  EXPECT_EQ(outcome.code, 1);
  const auto page = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(page["verified"], false);
  EXPECT_EQ(page["winner_compared"], true);
  EXPECT_EQ(page["winner_differs"], true);
}

TEST_F(VerifyCommandTest, AWinnerThatIsMissingIsNotCompared) {
  std::filesystem::remove(results_ + "/winner.safetensors");
  const Outcome outcome = VerifyAsJson();
  EXPECT_EQ(outcome.code, 0);
  const auto page = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(page["winner_compared"], false);
  EXPECT_TRUE(page["winner_differs"].is_null());
  EXPECT_EQ(page["warnings"].size(), 1);
}

TEST_F(VerifyCommandTest, AnIncompleteFolderGivesTwoAndNamesTheFile) {
  std::filesystem::remove(results_ + "/summary.json");
  const Outcome outcome = VerifyAsJson();
  EXPECT_EQ(outcome.code, 2);
  const auto page = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(page["verified"], false);
  EXPECT_THAT(page["missing"], ElementsAre("summary.json"));
}

TEST_F(VerifyCommandTest, ASeedThatCannotBeReadGivesTwoAndIsNamed) {
  const std::string seed = folder_->path() + "/seed-0.safetensors";
  std::filesystem::remove(seed);
  const Outcome outcome = VerifyAsJson();
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.error,
              AllOf(HasSubstr(seed), Not(HasSubstr("NOT_FOUND"))));
}

TEST_F(VerifyCommandTest, AnEvaluationThatFailsGivesTwo) {
  const Outcome outcome = Execute({results_, "--worker-binary", "/bin/false"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.error, HasSubstr("merganser-worker exited with code 1"));
}

}  // namespace
}  // namespace merganser
