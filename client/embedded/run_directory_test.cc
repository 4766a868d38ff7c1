#include "client/embedded/run_directory.h"

#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/embedded/temporary_folder.h"
#include "client/results/summary.h"
#include "common/storage/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kFolder[] = "/runs/digits";

v1::CampaignSpec Spec(int64_t evaluations) {
  v1::CampaignSpec spec;
  spec.set_name("digits");
  spec.set_random_seed(uint64_t{1} << 63);
  spec.add_seeds()->set_digest(std::string("\x00\xff\x80", 3));
  spec.mutable_search()->set_alpha(0.1);
  spec.mutable_budget()->set_evaluations(evaluations);
  return spec;
}

RunIdentity Stored(int64_t evaluations) { return {Spec(evaluations), 1, "id"}; }

TEST(DecideRunTest, AnEmptyFolderStarts) {
  const auto decision =
      DecideRun(kFolder, std::nullopt, std::nullopt, Spec(100), 4);
  ASSERT_TRUE(decision.ok()) << decision.status();
  EXPECT_EQ(decision->plan, RunPlan::kStart);
  EXPECT_EQ(decision->identity.threads_per_worker, 4);
  EXPECT_EQ(decision->identity.request_id.size(), 64u);
}

TEST(DecideRunTest, TheRequestIdHangsOnFolderAndCampaignButNotOnTheBudget) {
  const auto id = [](const std::string& folder, const v1::CampaignSpec& spec) {
    return DecideRun(folder, std::nullopt, std::nullopt, spec, 1)
        ->identity.request_id;
  };
  v1::CampaignSpec other = Spec(100);
  other.set_random_seed(1);
  EXPECT_EQ(id(kFolder, Spec(100)), id(kFolder, Spec(200)));
  EXPECT_NE(id(kFolder, Spec(100)), id("/runs/other", Spec(100)));
  EXPECT_NE(id(kFolder, Spec(100)), id(kFolder, other));
}

struct Case {
  std::string name;
  std::optional<int64_t> completed;
  int64_t stored;
  int64_t wanted;
  RunPlan plan;
};

class DecideRunTableTest : public ::testing::TestWithParam<Case> {};

TEST_P(DecideRunTableTest, FollowsTheTable) {
  const Case& row = GetParam();
  const auto decision = DecideRun(kFolder, Stored(row.stored), row.completed,
                                  Spec(row.wanted), 1);
  ASSERT_TRUE(decision.ok()) << decision.status();
  EXPECT_EQ(decision->plan, row.plan);
  EXPECT_EQ(decision->identity.spec.budget().evaluations(), row.wanted);
  EXPECT_EQ(decision->identity.request_id, "id");
}

INSTANTIATE_TEST_SUITE_P(
    Rows, DecideRunTableTest,
    ::testing::Values(
        Case{"NotFinished", std::nullopt, 100, 100, RunPlan::kResume},
        Case{"Finished", 100, 100, 100, RunPlan::kFinished},
        Case{"LargerBudget", std::nullopt, 100, 101, RunPlan::kExtend},
        Case{"FinishedWithLargerBudget", 100, 100, 101, RunPlan::kExtend},
        // Killed after the larger budget was written down.
        Case{"FinishedBeforeTheExtension", 100, 101, 101, RunPlan::kResume}),
    [](const auto& info) { return info.param.name; });

TEST(DecideRunTest, ADifferentCampaignIsRefusedWithItsFirstDifference) {
  v1::CampaignSpec wanted = Spec(100);
  wanted.mutable_search()->set_alpha(0.5);
  const auto decision =
      DecideRun(kFolder, Stored(100), std::nullopt, wanted, 1);
  EXPECT_EQ(decision.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(decision.status().message()),
              HasSubstr("search.alpha: /runs/digits was started with 0.1; now "
                        "0.5"));
}

TEST(DecideRunTest, ASmallerBudgetIsRefused) {
  const auto decision =
      DecideRun(kFolder, Stored(100), std::nullopt, Spec(99), 1);
  EXPECT_THAT(std::string(decision.status().message()),
              HasSubstr("budget.evaluations: /runs/digits was started with "
                        "100; now 99"));
}

TEST(DecideRunTest, OtherThreadsAreRefusedBecauseScoresHangOnThem) {
  const auto decision =
      DecideRun(kFolder, Stored(100), std::nullopt, Spec(100), 2);
  EXPECT_THAT(std::string(decision.status().message()),
              HasSubstr("--threads-per-worker: /runs/digits was started with "
                        "1; now 2"));
}

TEST(DecideRunTest, WhoseOutputsAreKeptMayChange) {
  RunIdentity stored = Stored(100);
  stored.spec.add_tasks()->set_name("t");
  v1::CampaignSpec wanted = stored.spec;
  wanted.mutable_tasks(0)->set_keep_outputs(true);
  const auto decision = DecideRun(kFolder, stored, 100, wanted, 1);
  ASSERT_TRUE(decision.ok()) << decision.status();
  EXPECT_EQ(decision->plan, RunPlan::kFinished);
  EXPECT_TRUE(decision->identity.spec.tasks(0).keep_outputs());
}

TEST(RunIdentityTest, ComesBackFromItsJson) {
  const auto identity = IdentityFromJson(IdentityToJson(Stored(100)));
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->spec.SerializeAsString(), Spec(100).SerializeAsString());
  EXPECT_EQ(identity->request_id, "id");
  EXPECT_EQ(identity->threads_per_worker, 1);
}

TEST(RunIdentityTest, OtherJsonIsRefused) {
  for (const char* text : {"", "[]", "{}", R"({"format": "other"})",
                           R"({"format": "merganser-run/1", "request_id": "a",
                               "threads_per_worker": 1, "spec": {"x": 1}})"}) {
    EXPECT_FALSE(IdentityFromJson(text).ok()) << text;
  }
}

class RunDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    path_ = folder_->path() + "/a/b";
  }

  std::optional<TemporaryFolder> folder_;
  std::string path_;
};

TEST_F(RunDirectoryTest, IsMadeWithItsParents) {
  const auto directory = RunDirectory::Open(path_);
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE(std::filesystem::is_directory(path_));
}

TEST_F(RunDirectoryTest, ASecondRunIsRefusedWithThePidOfTheFirst) {
  const auto first = RunDirectory::Open(path_);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = RunDirectory::Open(path_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()),
              AllOf(HasSubstr("in use by another run"),
                    HasSubstr(absl::StrCat("process ", getpid()))));
}

TEST_F(RunDirectoryTest, IsFreeAgainAfterTheFirst) {
  {
    ASSERT_TRUE(RunDirectory::Open(path_).ok());
  }
  EXPECT_TRUE(RunDirectory::Open(path_).ok());
}

TEST_F(RunDirectoryTest, AFolderWithOtherFilesIsRefusedAndLeftAsItWas) {
  std::filesystem::create_directories(path_);
  ASSERT_TRUE(WriteFileAtomically(path_ + "/thesis.tex", std::string()).ok());
  const auto directory = RunDirectory::Open(path_);
  EXPECT_EQ(directory.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(directory.status().message()),
              HasSubstr("holds thesis.tex but no run"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/lock"));
}

TEST_F(RunDirectoryTest, WhatARunMadeBeforeItsSubmissionIsNoObstacle) {
  std::filesystem::create_directories(path_ + "/redis");
  std::filesystem::create_directories(path_ + "/logs");
  const auto directory = RunDirectory::Open(path_);
  ASSERT_TRUE(directory.ok()) << directory.status();
  const auto identity = directory->ReadIdentity();
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_FALSE(identity->has_value());
}

TEST_F(RunDirectoryTest, RemembersItsCampaign) {
  {
    const auto directory = RunDirectory::Open(path_);
    ASSERT_TRUE(directory.ok()) << directory.status();
    ASSERT_TRUE(directory->WriteIdentity(Stored(100)).ok());
  }
  // Other files are the result's.
  ASSERT_TRUE(WriteFileAtomically(path_ + "/curve.csv", std::string()).ok());
  const auto directory = RunDirectory::Open(path_);
  ASSERT_TRUE(directory.ok()) << directory.status();
  auto identity = directory->ReadIdentity();
  ASSERT_TRUE(identity.ok() && identity->has_value()) << identity.status();
  EXPECT_EQ((*identity)->spec.name(), "digits");
  directory->Forget();
  identity = directory->ReadIdentity();
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_FALSE(identity->has_value());
}

TEST_F(RunDirectoryTest, ABrokenIdentityIsNamed) {
  const auto directory = RunDirectory::Open(path_);
  ASSERT_TRUE(directory.ok()) << directory.status();
  ASSERT_TRUE(
      WriteFileAtomically(path_ + "/campaign.json", std::string("{")).ok());
  const auto identity = directory->ReadIdentity();
  EXPECT_EQ(identity.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(identity.status().message()),
              HasSubstr("campaign.json"));
}

TEST_F(RunDirectoryTest, OnlyACompletedSummaryCounts) {
  const auto directory = RunDirectory::Open(path_);
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_FALSE(directory->CompletedEvaluations().has_value());
  for (const char* state : {"CANCELLED", "RUNNING", "COMPLETED"}) {
    Summary summary;
    summary.state = state;
    summary.evaluations = 100;
    ASSERT_TRUE(WriteFileAtomically(directory->Path("summary.json"),
                                    SummaryToJson(summary))
                    .ok());
    const auto completed = directory->CompletedEvaluations();
    EXPECT_EQ(completed.has_value(), std::string(state) == "COMPLETED");
    if (completed.has_value()) {
      EXPECT_EQ(*completed, 100);
    }
  }
}

TEST_F(RunDirectoryTest, AFolderThatCannotBeMadeIsNamed) {
  ASSERT_TRUE(
      WriteFileAtomically(folder_->path() + "/file", std::string()).ok());
  const auto directory = RunDirectory::Open(folder_->path() + "/file/run");
  EXPECT_THAT(std::string(directory.status().message()),
              HasSubstr("/file/run: cannot create"));
  EXPECT_EQ(directory.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RunDirectoryTest, AFileInPlaceOfTheFolderIsBadInput) {
  const std::string file = folder_->path() + "/file";
  ASSERT_TRUE(WriteFileAtomically(file, std::string()).ok());
  const auto directory = RunDirectory::Open(file);
  EXPECT_EQ(directory.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(directory.status().message()),
              HasSubstr("/file: expected a folder; it is a file"));
}

TEST_F(RunDirectoryTest, SaysWhichResultsAreMissing) {
  const auto directory = RunDirectory::Open(path_);
  ASSERT_TRUE(directory.ok()) << directory.status();
  for (const char* name : {"winner_recipe.json", "summary.json", "curve.csv",
                           "curve.svg", "replay"}) {
    ASSERT_TRUE(WriteFileAtomically(directory->Path(name), std::string()).ok());
  }
  EXPECT_THAT(directory->MissingResults(), ElementsAre("winner.safetensors"));
}

}  // namespace
}  // namespace merganser
