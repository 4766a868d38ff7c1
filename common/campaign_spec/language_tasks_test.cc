#include "common/campaign_spec/language_tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class LanguageTasksTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/language_tasks_test_" +
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
  static absl::StatusOr<std::string> AsItIs(const std::string& file,
                                            const std::string&) {
    return file;
  }
};

TEST_F(LanguageTasksTest, ReadsTheRowsOfTheResolvedFile) {
  dataset_.set_first_row(3);
  dataset_.set_end_row(5);
  const auto read = ReadTaskDataset(dataset_, task_, AsItIs, "t.search");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->rows.size(), 2u);
  dataset_.set_digest(read->file_digest.ToBytes());
  EXPECT_TRUE(ReadTaskDataset(dataset_, task_, AsItIs, "t.search").ok());
  dataset_.set_digest(std::string(32, 'x'));
  EXPECT_THAT(std::string(ReadTaskDataset(dataset_, task_, AsItIs, "t.search")
                              .status()
                              .message()),
              StartsWith("t.search.digest: " + path_ + " has digest "));
}

TEST_F(LanguageTasksTest, ErrorsNameTheField) {
  dataset_.set_end_row(66);
  EXPECT_THAT(std::string(ReadTaskDataset(dataset_, task_, AsItIs, "t.search")
                              .status()
                              .message()),
              StartsWith("t.search.rows: " + path_ + ": rows [0, 66)"));
  const auto outside =
      [](const std::string& file,
         const std::string& field) -> absl::StatusOr<std::string> {
    return absl::PermissionDeniedError(absl::StrCat(field, ": ", file));
  };
  EXPECT_EQ(ReadTaskDataset(dataset_, task_, outside, "t.search").status(),
            absl::PermissionDeniedError("t.search.file: " + path_));
}

TEST_F(LanguageTasksTest, ThereAreAtMostSixtyFourExamples) {
  v1::TaskSpec spec;
  EXPECT_FALSE(ReadTaskExamples(spec, task_, AsItIs, "t").value().has_value());
  *spec.mutable_few_shot()->mutable_examples() = dataset_;
  EXPECT_THAT(
      std::string(
          ReadTaskExamples(spec, task_, AsItIs, "t").status().message()),
      HasSubstr("t.few_shot.examples: expected at most 64 examples; got 65"));
  spec.mutable_few_shot()->mutable_examples()->set_end_row(64);
  EXPECT_EQ(ReadTaskExamples(spec, task_, AsItIs, "t").value()->rows.size(),
            64u);
  spec.mutable_few_shot()->set_count(5);
  EXPECT_EQ(ReadTaskExamples(spec, task_, AsItIs, "t").value()->rows.size(),
            5u);
  spec.mutable_few_shot()->mutable_examples()->set_end_row(4);
  EXPECT_THAT(
      std::string(
          ReadTaskExamples(spec, task_, AsItIs, "t").status().message()),
      EndsWith("expected at most the 4 examples that there are; got 5"));
}

}  // namespace
}  // namespace merganser
