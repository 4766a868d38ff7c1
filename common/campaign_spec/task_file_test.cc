#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/campaign_spec/campaign_file.h"

namespace merganser {
namespace {

using google::protobuf::TextFormat;
using google::protobuf::util::MessageDifferencer;
using testing::StartsWith;

// Line numbers are part of the tests.
constexpr char kTask[] = R"yaml(name: gsm8k
kind: generation
search: {file: test.jsonl, rows: [3, 9]}
prompt: "Q: {question}\nA:"
answer: "{answer}"
chat: true
system: Be brief.
few_shot: {examples: {file: path:train.jsonl}, count: 5}
max_new_tokens: 64
stop: ["\n\n", "Q:"]
extract: pattern
pattern: "#### (-?[0-9]+)"
)yaml";

std::string Write(const std::string& text) {
  // Tests run at the same time.
  std::string path =
      absl::StrCat(testing::TempDir(), "task_file_test_", getpid(), ".yaml");
  std::ofstream(path) << text;
  return path;
}

TEST(TaskFileTest, OneTaskHasItsKeysAtTheTop) {
  const auto tasks = LoadTaskFile(Write(kTask));
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  ASSERT_EQ(tasks->size(), 1u);
  v1::TaskSpec expected;
  ASSERT_TRUE(TextFormat::ParseFromString(
      R"pb(
        name: "gsm8k"
        kind: "generation"
        weight: 1
        search { file: "test.jsonl" first_row: 3 end_row: 9 scale: 1 }
        prompt: "Q: {question}\nA:"
        answer: "{answer}"
        chat: true
        system: "Be brief."
        few_shot {
          examples { file: "train.jsonl" scale: 1 }
          count: 5
        }
        max_new_tokens: 64
        stop: "\n\n"
        stop: "Q:"
        extract: "pattern"
        pattern: "#### (-?[0-9]+)"
      )pb",
      &expected));
  EXPECT_TRUE(MessageDifferencer::Equals(tasks->front(), expected))
      << tasks->front().DebugString();
}

TEST(TaskFileTest, ACampaignFileGivesAllItsTasks) {
  const auto tasks = LoadTaskFile(Write(
      "name: c\nmodel: {family: any}\ntasks:\n"
      "  - {name: a, kind: exact_match, search: {file: a.jsonl}}\n"
      "  - {name: b, kind: perplexity, window: 8, search: {file: b.jsonl}}\n"));
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  ASSERT_EQ(tasks->size(), 2u);
  EXPECT_EQ(tasks->at(0).name(), "a");
  EXPECT_EQ(tasks->at(1).window(), 8);
}

TEST(TaskFileTest, TasksAreWrittenAsTheyAreRead) {
  v1::CampaignSpec spec;
  *spec.add_tasks() = LoadTaskFile(Write(kTask)).value().front();
  const auto tasks = LoadTaskFile(Write(SpecToYaml(spec)));
  ASSERT_TRUE(tasks.ok()) << tasks.status() << SpecToYaml(spec);
  EXPECT_TRUE(MessageDifferencer::Equals(tasks->front(), spec.tasks(0)))
      << SpecToYaml(spec);
}

struct BadFile {
  const char* name;
  const char* text;
  const char* error;  // after the path
};

void PrintTo(const BadFile& row, std::ostream* out) { *out << row.name; }

class BadTaskFileTest : public testing::TestWithParam<BadFile> {};

TEST_P(BadTaskFileTest, IsRefusedWithLineAndKey) {
  const std::string path = Write(GetParam().text);
  const auto tasks = LoadTaskFile(path);
  EXPECT_EQ(tasks.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(tasks.status().message()),
              StartsWith(path + GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadTaskFileTest,
    testing::Values(
        BadFile{"Stop",
                "name: a\nkind: exact_match\nstop: x\nsearch: {file: x}\n",
                ":3: stop: expected a list of texts; got \"x\""},
        BadFile{"StopOfLists",
                "name: a\nkind: exact_match\nstop: [[x]]\nsearch: {file: x}\n",
                ":3: stop[0]: expected text; got a list"},
        BadFile{"EmptyStops",
                "name: a\nkind: exact_match\nstop: []\n"
                "search: {file: x}\nfew_shot: {}\n",
                ":5: few_shot.examples.file: is missing"},
        BadFile{"Count",
                "name: a\nkind: exact_match\nsearch: {file: x}\n"
                "few_shot:\n  examples: {file: y}\n  count: 65\n",
                ":6: few_shot.count: expected 0 to 64; got 65"},
        BadFile{"Extract",
                "name: a\nkind: generation\nsearch: {file: x}\n"
                "extract: regex\n",
                ":4: extract: expected exact or last_number or pattern; got "
                "\"regex\""},
        BadFile{"KeyOfNoTask", "name: a\nfamily: mlp\n",
                ":2: family: unknown key; did you mean model.family?"},
        BadFile{"NoList", "tasks: 3\n", ":1: tasks: expected a list of tasks"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(TaskFileTest, AMissingFileIsBadInput) {
  const auto tasks = LoadTaskFile("/nowhere/x.yaml");
  EXPECT_EQ(tasks.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(tasks.status().message()),
              StartsWith("/nowhere/x.yaml: "));
}

}  // namespace
}  // namespace merganser
