// A merged model writes what transformers writes: tests/data/llm/winner, whose
// expected values are by numpy and transformers alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/embedded/process.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

using nlohmann::json;

const std::string kData = MERGANSER_SOURCE_DIR "/tests/data/llm/";

class ContinuationsTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/merganser_continuations_XXXXXX";
    folder_ = mkdtemp(folder);
    expected_ = json::parse(*ReadFile(kData + "winner/expected.json"));
    std::ofstream data(File("data.jsonl"));
    for (const json& item : expected_["continuations"]) {
      data << json({{"prompt", item["prompt"]}, {"answer", item["text"]}})
           << "\n";
    }
    std::ofstream(File("task.yaml"))
        << "name: texts\nkind: generation\nchunk_size: 8\nmax_new_tokens: "
        << expected_["max_new_tokens"] << "\nsearch: {file: data.jsonl}\n";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& name) const {
    return absl::StrCat(folder_, "/", name);
  }

  void Run(std::vector<std::string> arguments) {
    auto process = Process::Start(
        {.binary = absl::StrCat(MERGANSER_BINARY_DIR, "/merganser"),
         .arguments = std::move(arguments),
         .log_path = File("log")});
    ASSERT_TRUE(process.ok()) << process.status();
    ASSERT_EQ(process->Wait().code, 0) << *ReadFile(File("log"));
  }

  void ExpectContinuations(const std::vector<std::string>& merge_options) {
    std::vector<std::string> merge = {
        "merge",         kData + "winner/recipe.json",
        "--models-root", kData,
        "--output",      File("model")};
    merge.insert(merge.end(), merge_options.begin(), merge_options.end());
    ASSERT_NO_FATAL_FAILURE(Run(std::move(merge)));
    ASSERT_NO_FATAL_FAILURE(
        Run({"eval", File("model"), "--task", File("task.yaml"), "--output",
             File("out.jsonl")}));
    std::ifstream lines(File("out.jsonl"));
    std::string line;
    for (const json& item : expected_["continuations"]) {
      ASSERT_TRUE(std::getline(lines, line));
      const json datapoint = json::parse(line);
      EXPECT_EQ(datapoint["prompt"], item["prompt"]);
      EXPECT_EQ(datapoint["token_ids"], item["ids"]) << item["prompt"];
      EXPECT_EQ(datapoint["output"], item["text"]) << item["prompt"];
      EXPECT_EQ(datapoint["score"], 1.0) << item["prompt"];
    }
    EXPECT_FALSE(std::getline(lines, line));
  }

  std::string folder_;
  json expected_;
};

TEST_F(ContinuationsTest, AreThoseOfTransformers) { ExpectContinuations({}); }

TEST_F(ContinuationsTest, AreThoseOfTransformersFromShards) {
  ExpectContinuations({"--shard-gib", "0.001"});
}

}  // namespace
}  // namespace merganser
