#include "client/replay/record_subject.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "client/embedded/temporary_folder.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

using testing::HasSubstr;

class RecordSubjectTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
  }
  absl::StatusOr<RecordSubject> Find() {
    return FindRecord(folder_->path(), "unix:/nowhere", folder_->path());
  }

  std::optional<TemporaryFolder> folder_;
};

TEST_F(RecordSubjectTest, AFolderOfResultsHasItsRecord) {
  std::filesystem::create_directory(folder_->path() + "/replay");
  const auto subject = Find();
  ASSERT_TRUE(subject.ok()) << subject.status();
  EXPECT_EQ(subject->record_folder, folder_->path() + "/replay");
  EXPECT_EQ(subject->result_folder, folder_->path());
  EXPECT_EQ(subject->threads_per_worker, 1);
}

TEST_F(RecordSubjectTest, ARunThatHasNotFinishedIsSaidTo) {
  EXPECT_THAT(std::string(Find().status().message()),
              HasSubstr("expected a folder of results with replay/ in it"));
  ASSERT_TRUE(
      WriteFileAtomically(folder_->path() + "/campaign.json", std::string("{}"))
          .ok());
  const absl::Status status = Find().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(folder_->path() + ": its run has not finished"));
}

TEST_F(RecordSubjectTest, WhatIsNoFolderIsTheNameOfACampaign) {
  EXPECT_EQ(
      FindRecord("digits", "unix:/nowhere", folder_->path()).status().code(),
      absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace merganser
