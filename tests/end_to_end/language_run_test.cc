// Campaigns of language models as a user meets them: real checkpoints, the real
// worker, the client's commands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/embedded/process.h"
#include "common/checkpoint/checkpoint.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kExamples = MERGANSER_SOURCE_DIR "/examples/";

class LanguageRunTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/merganser_lm_XXXXXX";
    folder_ = mkdtemp(folder);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  int Command(std::vector<std::string> arguments) {
    log_ = absl::StrCat(folder_, "/log", ++logs_);
    auto process = Process::Start(
        {.binary = absl::StrCat(MERGANSER_BINARY_DIR, "/merganser"),
         .arguments = std::move(arguments),
         .log_path = log_});
    EXPECT_TRUE(process.ok()) << process.status();
    return process->Wait().code;
  }

  std::string Output(const std::string& name) const {
    return absl::StrCat(folder_, "/", name);
  }

  // Runs an example with few datapoints, to the folder `name`.
  int Run(const std::string& name, const std::string& example,
          const std::vector<std::string>& settings,
          const std::string& workers = "1") {
    std::vector<std::string> arguments = {"run",       kExamples + example,
                                          "--output",  Output(name),
                                          "--workers", workers};
    for (const char* setting :
         {"tasks[0].search.rows=[0, 40]", "tasks[1].search.rows=[0, 40]",
          "tasks[0].holdout.rows=[0, 20]", "tasks[1].holdout.rows=[0, 20]",
          "tasks[0].chunk_size=16", "tasks[1].chunk_size=16",
          "budget.evaluations=48", "search.population=6"}) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    for (const std::string& setting : settings) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    return Command(std::move(arguments));
  }

  json Summary(const std::string& name) {
    const auto text = ReadFile(Output(name) + "/summary.json");
    EXPECT_TRUE(text.ok()) << text.status() << Log();
    return text.ok() ? json::parse(*text) : json();
  }

  std::string Log() { return *ReadFile(log_); }

  std::string folder_;
  std::string log_;
  int logs_ = 0;
};

constexpr char kRecommended[] = "llm-arithmetic-strings.yaml";
constexpr char kPaper[] = "llm-arithmetic-strings-paper.yaml";

TEST_F(LanguageRunTest, EndsWithAFolderThatIsVerified) {
  ASSERT_EQ(Run("a", kRecommended, {}), 0) << Log();
  EXPECT_THAT(Log(), HasSubstr("arithmetic"));
  const json summary = Summary("a");
  EXPECT_EQ(summary["state"], "COMPLETED");
  EXPECT_EQ(summary["evaluations"], 48);
  EXPECT_EQ(summary["best"]["tasks"].size(), 2u);
  EXPECT_GT(summary["best"]["search_accuracy"],
            summary["seeds"][0]["search_accuracy"]);
  const auto winner = Checkpoint::Open(Output("a") + "/winner");
  ASSERT_TRUE(winner.ok()) << winner.status();
  EXPECT_EQ((*winner)->config().architecture, "LlamaForCausalLM");
  const auto card = ReadFile(Output("a") + "/winner/README.md");
  ASSERT_TRUE(card.ok()) << card.status();
  EXPECT_THAT(*card, HasSubstr("license: apache-2.0"));
  EXPECT_THAT(*card, HasSubstr("- \"tiny-llama-a\""));
  EXPECT_EQ(Command({"verify", Output("a")}), 0) << Log();
  EXPECT_EQ(Command({"inspect", Output("a") + "/winner"}), 0) << Log();
}

TEST_F(LanguageRunTest, TheRecipeMakesTheWinnerAgain) {
  ASSERT_EQ(Run("a", kPaper, {}), 0) << Log();
  const std::string recipe = Output("a") + "/winner/merganser_recipe.json";
  ASSERT_EQ(Command({"merge", recipe, "--output", Output("again")}), 0)
      << Log();
  EXPECT_EQ(*ReadFile(Output("again") + "/model.safetensors"),
            *ReadFile(Output("a") + "/winner/model.safetensors"));
}

TEST_F(LanguageRunTest, OneDigestHoweverTheWorkIsDealt) {
  ASSERT_EQ(Run("one", kRecommended, {}), 0) << Log();
  ASSERT_EQ(Run("two", kRecommended, {"schedule.shards=3"}, "2"), 0) << Log();
  ASSERT_EQ(Run("all", kRecommended, {"search.early_rejection=false"}, "3"), 0)
      << Log();
  const json digest = Summary("one")["archive_digest"];
  EXPECT_EQ(Summary("two")["archive_digest"], digest);
  EXPECT_EQ(Summary("all")["archive_digest"], digest);
}

TEST_F(LanguageRunTest, EveryKindOfTaskIsScored) {
  const std::string campaign = Output("campaign.yaml");
  const std::string text =
      absl::StrCat(R"(name: kinds
model: {family: language_model}
seeds:
  - {name: a, path: )",
                   kExamples, R"(llm/tiny-llama-a}
  - {name: b, path: )",
                   kExamples, R"(llm/tiny-llama-b}
tasks:
  - name: generated
    kind: generation
    max_new_tokens: 16
    search: {file: )",
                   kExamples, R"(llm/tasks/arith.search.jsonl, rows: [0, 12]}
  - name: choice
    kind: multiple_choice
    search: {file: )",
                   kExamples, R"(llm/tasks/choice.jsonl, rows: [0, 12]}
  - name: text
    kind: perplexity
    prompt: "{prompt}{answer}"
    search: {file: )",
                   kExamples, R"(llm/tasks/strings.search.jsonl, rows: [0, 12]}
search: {population: 4}
schedule: {window: 4}
budget: {evaluations: 12}
)");
  ASSERT_TRUE(WriteFileAtomically(campaign, text).ok());
  ASSERT_EQ(Command({"run", campaign, "--output", Output("kinds")}), 0)
      << Log();
  const json summary = Summary("kinds");
  ASSERT_EQ(summary["best"]["tasks"].size(), 3u);
  for (const json& task : summary["best"]["tasks"]) {
    EXPECT_GT(task["search_accuracy"], 0) << task;
    EXPECT_LT(task["search_accuracy"], 1.0001) << task;
  }
  EXPECT_EQ(Command({"verify", Output("kinds")}), 0) << Log();
}

TEST_F(LanguageRunTest, SeedsThatDoNotFitAreRefused) {
  EXPECT_EQ(Run("bad", kPaper,
                {absl::StrCat("seeds[1].path=", MERGANSER_SOURCE_DIR,
                              "/tests/data/llm/tiny-mistral")}),
            2);
  EXPECT_THAT(Log(), HasSubstr("seeds[1]"));
  EXPECT_FALSE(std::filesystem::exists(Output("bad")));
}

}  // namespace
}  // namespace merganser
