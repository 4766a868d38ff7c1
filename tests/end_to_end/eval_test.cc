// `merganser eval` as a user meets it, with a real model. Expected values:
// tests/data/llm/task_scores.json, of transformers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/embedded/process.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kData = MERGANSER_SOURCE_DIR "/tests/data/llm/";

class EvalTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/merganser_eval_XXXXXX";
    folder_ = mkdtemp(folder);
    Write("task.yaml",
          "name: arith\nkind: exact_match\nchunk_size: 50\n"
          "search: {file: " +
              kData + "tasks/arith.test.jsonl}\n");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }

  Process Start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "eval");
    log_ = absl::StrCat(folder_, "/log", ++logs_);
    auto process = Process::Start(
        {.binary = absl::StrCat(MERGANSER_BINARY_DIR, "/merganser"),
         .arguments = std::move(arguments),
         .log_path = log_});
    EXPECT_TRUE(process.ok()) << process.status();
    return *std::move(process);
  }
  int Eval(std::vector<std::string> arguments) {
    return Start(std::move(arguments)).Wait().code;
  }
  std::string Log() { return ReadFile(log_).value(); }

  std::string folder_;
  std::string log_;
  int logs_ = 0;
};

TEST_F(EvalTest, PrintsScoresAndWritesOutputs) {
  const std::string output = folder_ + "/out.jsonl";
  ASSERT_EQ(Eval({kData + "tiny-llama-a", "--task", folder_ + "/task.yaml",
                  "--output", output}),
            0)
      << Log();
  EXPECT_THAT(Log(), HasSubstr("arith  search  300         0.9733  0.0093  -"));
  const json expected =
      json::parse(ReadFile(kData + "task_scores.json")
                      .value())["models"]["tiny-llama-a"]["arith"];
  std::ifstream lines(output);
  std::string line;
  for (size_t row = 0; row < 300; ++row) {
    ASSERT_TRUE(std::getline(lines, line));
    const json datapoint = json::parse(line);
    EXPECT_EQ(datapoint["row"], row);
    EXPECT_EQ(datapoint["score"] == 1.0,
              std::string(expected["hits"])[row] == '1');
    if (row < 10) {
      EXPECT_EQ(datapoint["output"], expected["first10"][row]);
    }
  }
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(EvalTest, PrintsJson) {
  ASSERT_EQ(Eval({kData + "tiny-llama-a", "--task", folder_ + "/task.yaml",
                  "--limit", "10", "--json"}),
            0)
      << Log();
  const json line = json::parse(Log());
  EXPECT_EQ(line["datapoints"], 10);
  EXPECT_EQ(line["score"], 1.0);
}

TEST_F(EvalTest, BadInputIsCodeTwo) {
  Write("bad.yaml", "name: a\nkind: perplexity\nsearch: {file: /none.jsonl}\n");
  Write("worse.yaml", "name: a\nkind: classification\nsearch: {file: x}\n");
  EXPECT_EQ(Eval({kData + "tiny-llama-a", "--task", folder_ + "/bad.yaml"}), 2);
  EXPECT_THAT(Log(), HasSubstr("merganser: a.search.file: /none.jsonl: "));
  EXPECT_EQ(Eval({kData + "tiny-llama-a", "--task", folder_ + "/worse.yaml"}),
            2);
  EXPECT_THAT(Log(), HasSubstr("worse.yaml: a.kind: expected a kind of "));
  EXPECT_EQ(Eval({"/nowhere", "--task", folder_ + "/task.yaml"}), 2);
  EXPECT_THAT(Log(), HasSubstr("/nowhere"));
}

TEST_F(EvalTest, AnOutputThatCannotBeWrittenIsSaidAtOnce) {
  // No worker is started, and no model opened.
  for (const std::string& output : {folder_, folder_ + "/none/out.jsonl"}) {
    EXPECT_EQ(Eval({"/nowhere", "--task", folder_ + "/task.yaml", "--output",
                    output, "--worker-binary", "/none"}),
              2);
    EXPECT_THAT(Log(), HasSubstr("--output " + folder_));
  }
}

TEST_F(EvalTest, CtrlCEndsBothAndLeavesNoOutput) {
  const std::string started = folder_ + "/started";
  Write("slow-worker", "#!/bin/sh\necho $$ > " + started + ".tmp\nmv " +
                           started + ".tmp " + started + "\nexec sleep 1000\n");
  const std::string worker = folder_ + "/slow-worker";
  std::filesystem::permissions(worker, std::filesystem::perms::owner_all);
  Process process =
      Start({kData + "tiny-llama-a", "--task", folder_ + "/task.yaml",
             "--output", folder_ + "/out.jsonl", "--worker-binary", worker});
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  while (!std::filesystem::exists(started) && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  const pid_t pid = std::stoi(ReadFile(started).value());
  process.Signal(SIGINT);
  EXPECT_EQ(process.Wait().code, 130);
  EXPECT_NE(kill(pid, 0), 0);
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    EXPECT_THAT(entry.path().string(), Not(HasSubstr("out.jsonl")));
  }
}

}  // namespace
}  // namespace merganser
