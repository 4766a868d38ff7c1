#include "worker/tasks/task_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace merganser {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class TaskDatasetTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/task_dataset_test_" +
            std::to_string(getpid()) + ".jsonl";
    std::ofstream file(path_);
    for (int i = 0; i < 65; ++i) file << "{\"text\": " << i << "}\n";
    task_.kind = LanguageTaskKind::kPerplexity;
    task_.prompt = TextTemplate::Parse("{text}").value();
    task_.has_answer = false;
    dataset_.set_file(path_);
  }

  std::string path_;
  LanguageTaskDefinition task_;
  v1::DatasetSpec dataset_;
  const PathRules paths_{""};
};

TEST_F(TaskDatasetTest, ReadsTheRowsOfTheResolvedFile) {
  dataset_.set_first_row(3);
  dataset_.set_end_row(5);
  const auto read = ReadTaskDataset(dataset_, task_, paths_, "t.search");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->rows.size(), 2u);
  dataset_.set_digest(read->file_digest.ToBytes());
  EXPECT_TRUE(ReadTaskDataset(dataset_, task_, paths_, "t.search").ok());
  dataset_.set_digest(std::string(32, 'x'));
  EXPECT_THAT(std::string(ReadTaskDataset(dataset_, task_, paths_, "t.search")
                              .status()
                              .message()),
              StartsWith("t.search.digest: " + path_ + " has digest "));
}

TEST_F(TaskDatasetTest, ErrorsNameTheField) {
  dataset_.set_end_row(66);
  EXPECT_THAT(std::string(ReadTaskDataset(dataset_, task_, paths_, "t.search")
                              .status()
                              .message()),
              StartsWith("t.search: " + path_ + ": rows [0, 66)"));
  EXPECT_EQ(
      ReadTaskDataset(dataset_, task_, PathRules("/root-of-models"), "t.search")
          .status()
          .code(),
      absl::StatusCode::kPermissionDenied);
}

TEST_F(TaskDatasetTest, ThereAreAtMostSixtyFourExamples) {
  v1::TaskSpec spec;
  EXPECT_FALSE(ReadTaskExamples(spec, task_, paths_, "t").value().has_value());
  *spec.mutable_few_shot()->mutable_examples() = dataset_;
  EXPECT_THAT(
      std::string(
          ReadTaskExamples(spec, task_, paths_, "t").status().message()),
      HasSubstr("t.few_shot.examples: expected at most 64 examples; got 65"));
  spec.mutable_few_shot()->mutable_examples()->set_end_row(64);
  EXPECT_EQ(ReadTaskExamples(spec, task_, paths_, "t").value()->rows.size(),
            64u);
  spec.mutable_few_shot()->set_count(5);
  EXPECT_EQ(ReadTaskExamples(spec, task_, paths_, "t").value()->rows.size(),
            5u);
  spec.mutable_few_shot()->mutable_examples()->set_end_row(4);
  EXPECT_THAT(
      std::string(
          ReadTaskExamples(spec, task_, paths_, "t").status().message()),
      EndsWith("expected at most the 4 examples that there are; got 5"));
}

}  // namespace
}  // namespace merganser
