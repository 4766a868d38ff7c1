// Campaigns of language models as a user meets them: real checkpoints, the real
// worker, the client's commands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/embedded/process.h"
#include "common/checkpoint/checkpoint.h"
#include "common/checkpoint/checkpoint_writer.h"
#include "common/checkpoint/leading_rows.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

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
    return RunFile(name, kExamples + example, settings, workers);
  }
  int RunFile(const std::string& name, const std::string& file,
              const std::vector<std::string>& settings,
              const std::string& workers = "1") {
    std::vector<std::string> arguments = {"run",        file,        "--output",
                                          Output(name), "--workers", workers};
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

  // The winner's recipe gives the same folder.
  void ExpectSameAgain(const std::string& name) {
    const std::string winner = Output(name) + "/winner";
    const std::string again = Output(name + "-again");
    ASSERT_EQ(Command({"merge", winner + "/merganser_recipe.json", "--output",
                       again}),
              0)
        << Log();
    for (const char* file :
         {"/model.safetensors", "/config.json", "/tokenizer.json"}) {
      EXPECT_EQ(*ReadFile(again + file), *ReadFile(winner + file)) << file;
    }
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

// A copy of a checkpoint with `rows` more rows, all `value`, in its embedding
// and its head, as fine-tunes with added tokens have them.
void WriteWider(const std::string& from, const std::string& to, int64_t rows,
                float value) {
  const auto checkpoint = Checkpoint::Open(from);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  std::vector<TensorOutline> outlines;
  for (const TensorSlice& slice : (*checkpoint)->layout().tensors) {
    TensorOutline& outline = outlines.emplace_back(
        TensorOutline{slice.name, DType::kF32, slice.shape});
    if (IsPerTokenTensor(slice.name)) outline.shape[0] += rows;
  }
  const auto writer = CheckpointWriter::Create(
      {.folder = to, .marker_file = "config.json"}, outlines);
  ASSERT_TRUE(writer.ok()) << writer.status();
  for (size_t i = 0; i < outlines.size(); ++i) {
    const auto tensor = (*checkpoint)->Tensor(outlines[i].name);
    ASSERT_EQ((*writer)->Write(i, 0, tensor->bytes), absl::OkStatus());
    if (!IsPerTokenTensor(outlines[i].name)) continue;
    const std::vector<float> more(rows * tensor->shape[1], value);
    ASSERT_EQ((*writer)->Write(i, static_cast<int64_t>(tensor->bytes.size()),
                               {reinterpret_cast<const uint8_t*>(more.data()),
                                more.size() * sizeof(float)}),
              absl::OkStatus());
  }
  json config = json::parse((*checkpoint)->config_json());
  config["vocab_size"] = config["vocab_size"].get<int64_t>() + rows;
  ASSERT_EQ((*writer)->AddFile("config.json", config.dump()), absl::OkStatus());
  for (const std::string& name : (*checkpoint)->companion_files()) {
    ASSERT_EQ((*writer)->AddFile(name, *ReadFile(from + "/" + name)),
              absl::OkStatus());
  }
  ASSERT_EQ((*writer)->Commit(), absl::OkStatus());
}

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

// The lines of JSON among what the command said.
std::vector<json> JsonLines(const std::string& text) {
  std::vector<json> lines;
  const std::vector<std::string> all = absl::StrSplit(text, '\n');
  for (const std::string& line : all) {
    if (line.starts_with('{')) lines.push_back(json::parse(line));
  }
  return lines;
}

TEST_F(LanguageRunTest, OutputsOfAnyCandidateAreShown) {
  ASSERT_EQ(Run("a", kRecommended, {"tasks[1].keep_outputs=true"}), 0) << Log();
  // The winner's, of the task that asks for them.
  const auto kept = JsonLines(*ReadFile(Output("a") + "/winner_outputs.jsonl"));
  ASSERT_EQ(kept.size(), 60u);
  const json winner = Summary("a")["best"]["tasks"][1];
  double right = 0;
  for (size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(kept[i]["task"], "strings");
    EXPECT_EQ(kept[i]["output"] == kept[i]["expected"], kept[i]["score"] == 1);
    right += kept[i]["score"].get<double>();
  }
  EXPECT_NEAR(right / 40, winner["search_accuracy"], 1e-9);
  // A seed, and a child of the last generation, which may have been dropped.
  for (const char* candidate : {"-2", "47"}) {
    ASSERT_EQ(Command({"candidates", Output("a"), candidate, "--outputs",
                       "--json", "--work-folder", folder_}),
              0)
        << Log();
    EXPECT_THAT(Log(), HasSubstr("are those of the campaign"));
    const auto lines = JsonLines(Log());
    ASSERT_EQ(lines.size(), 120u) << "search and holdout of both tasks";
    int known = 0;
    for (const json& line : lines) {
      if (!line.contains("campaign_score") || line["campaign_score"].is_null())
        continue;
      EXPECT_EQ(line["campaign_score"], line["score"]) << line;
      ++known;
    }
    EXPECT_GE(known, 16) << candidate;
  }
  ASSERT_EQ(Command({"candidates", Output("a"), "--outputs"}), 0) << Log();
  EXPECT_THAT(Log(), HasSubstr("  expected  \""));
  EXPECT_EQ(Command({"candidates", Output("a"), "48", "--outputs"}), 4);
  EXPECT_THAT(Log(), HasSubstr("candidate 48: expected a seed, -2 … -1"));
  EXPECT_EQ(Command({"candidates", Output("a"), "47"}), 2) << Log();
  // Nothing is left behind.
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    EXPECT_THAT(entry.path().string(), Not(HasSubstr("merganser-tmp-")));
  }
  // Deleted, they are written again; asked for later, written then.
  std::filesystem::remove(Output("a") + "/winner_outputs.jsonl");
  ASSERT_EQ(Run("a", kRecommended,
                {"tasks[0].keep_outputs=true", "tasks[1].keep_outputs=true"}),
            0)
      << Log();
  EXPECT_EQ(JsonLines(*ReadFile(Output("a") + "/winner_outputs.jsonl")).size(),
            120u);
}

TEST_F(LanguageRunTest, TheRecipeMakesTheWinnerAgain) {
  ASSERT_EQ(Run("a", kPaper, {"model.weights_dtype=bfloat16"}), 0) << Log();
  ExpectSameAgain("a");
}

TEST_F(LanguageRunTest, SoDoesTheRecipeOfSeveralChromosomes) {
  const std::string text = *ReadFile(kExamples + kPaper);
  const std::string model = "  family: language_model\n";
  std::string changed = text;
  changed.replace(changed.find(model), model.size(),
                  model +
                      "  chromosomes:\n"
                      "    - {name: attention, tensors: ['*.self_attn.*']}\n"
                      "    - {name: rest, tensors: ['*']}\n");
  for (size_t at = 0; (at = changed.find("llm/", at)) != std::string::npos;
       at += kExamples.size() + 4) {
    changed.insert(at, kExamples);
  }
  const std::string file = Output("chromosomes.yaml");
  ASSERT_EQ(WriteFileAtomically(file, changed), absl::OkStatus());
  ASSERT_EQ(RunFile("two", file, {}), 0) << Log();
  ExpectSameAgain("two");
  EXPECT_EQ(Command({"verify", Output("two")}), 0) << Log();
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

TEST_F(LanguageRunTest, RowsThatNotAllSeedsHaveAreKept) {
  const std::string wide = Output("wide");
  WriteWider(kExamples + "llm/tiny-llama-b", wide, 8, 0.25f);
  const std::string seed = "seeds[1].path=" + wide;
  EXPECT_EQ(Run("same", kPaper, {seed}), 2);
  EXPECT_THAT(Log(), HasSubstr("model.vocabulary: common"));
  ASSERT_EQ(Run("kept", kPaper,
                {seed, "model.vocabulary=common", "model.tokenizer=strings"}),
            0)
      << Log();
  const auto winner = Checkpoint::Open(Output("kept") + "/winner");
  ASSERT_TRUE(winner.ok()) << winner.status();
  EXPECT_EQ((*winner)->config().vocabulary_size, 528);
  for (const char* name : {"model.embed_tokens.weight", "lm_head.weight"}) {
    const auto tensor = (*winner)->Tensor(name);
    ASSERT_TRUE(tensor.ok()) << tensor.status();
    std::vector<float> kept(8 * tensor->shape[1]);
    memcpy(kept.data(),
           tensor->bytes.data() + tensor->bytes.size() -
               kept.size() * sizeof(float),
           kept.size() * sizeof(float));
    EXPECT_THAT(kept, testing::Each(0.25f)) << name;
  }
  EXPECT_EQ(Command({"verify", Output("kept")}), 0) << Log();
  ExpectSameAgain("kept");
  // Without the wider seed's tokenizer, the rows are left out.
  ASSERT_EQ(Run("left", kPaper, {seed, "model.vocabulary=common"}), 0) << Log();
  EXPECT_EQ(
      (*Checkpoint::Open(Output("left") + "/winner"))->config().vocabulary_size,
      520);
}

TEST_F(LanguageRunTest, WhatAWorkerWouldRefuseIsFoundBeforeItRuns) {
  struct Case {
    std::string row;
    std::string setting;  // further
    const char* message;
  };
  const std::string long_prompt(3000, 'x');
  const std::vector<Case> cases = {
      {R"({"prompt": ")" + long_prompt + R"(", "answer": " 1"})", "",
       ":1: the prompt has "},
      {R"({"prompt": "Q", "answer": ""})", "", ":1: expected an answer"},
      {R"({"prompt": "Q"})", "", ":1: "},
      {R"({"question": "Q", "choices": [" a"], "answer_index": 1})",
       "tasks[0].kind=multiple_choice", ":1: "},
      {R"({"text": "abc"})", "tasks[0].kind=perplexity tasks[0].window=1000",
       "window"}};
  for (const Case& one : cases) {
    const std::string file = Output("data.jsonl");
    ASSERT_EQ(WriteFileAtomically(file, one.row + "\n"), absl::OkStatus());
    std::vector<std::string> settings =
        absl::StrSplit(one.setting, ' ', absl::SkipEmpty());
    settings.push_back("tasks[0].search.file=" + file);
    settings.push_back("tasks[0].holdout.file=" + file);
    std::vector<std::string> arguments = {"validate", kExamples + kPaper};
    for (const std::string& setting : settings) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    EXPECT_EQ(Command(arguments), 2) << one.row.substr(0, 60) << Log();
    EXPECT_THAT(Log(), HasSubstr(one.message));
    EXPECT_THAT(Log(), HasSubstr("tasks[0]."));
  }
}

// A model in a Hugging Face cache.
void WriteHubCache(const std::string& cache, const std::string& model) {
  const std::string repository = cache + "/models--org--model";
  std::filesystem::create_directories(repository + "/refs");
  std::filesystem::create_directories(repository + "/snapshots");
  ASSERT_TRUE(WriteFileAtomically(repository + "/refs/main", "abc").ok());
  std::filesystem::copy(model, repository + "/snapshots/abc");
}

TEST_F(LanguageRunTest, ACampaignThatNoWorkerCanServeEndsWithTheReason) {
  WriteHubCache(Output("cache"), kExamples + "llm/tiny-llama-a");
  const std::string worker = Output("worker");
  ASSERT_TRUE(WriteFileAtomically(
                  worker, absl::StrCat("#!/bin/sh\nHF_HUB_CACHE=/nowhere exec ",
                                       MERGANSER_BINARY_DIR,
                                       "/merganser-worker \"$@\"\n"))
                  .ok());
  std::filesystem::permissions(worker, std::filesystem::perms::owner_all);
  std::string text = *ReadFile(kExamples + kPaper);
  const std::string path = "path: llm/tiny-llama-a";
  text.replace(text.find(path), path.size(), "hf: org/model");
  for (size_t at = 0; (at = text.find("llm/", at)) != std::string::npos;
       at += kExamples.size() + 4) {
    text.insert(at, kExamples);
  }
  const std::string file = Output("hub.yaml");
  ASSERT_TRUE(WriteFileAtomically(file, text).ok());
  setenv("HF_HUB_CACHE", Output("cache").c_str(), 1);
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {
        "run",       file,
        "--output",  Output("out"),
        "--workers", "2",
        "--set",     "budget.evaluations=0",
        "--set",     "tasks[0].search.rows=[0, 8]",
        "--set",     "tasks[1].search.rows=[0, 8]"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Command(arguments);
  };
  EXPECT_EQ(run({"--worker-binary", worker}), 2);
  EXPECT_THAT(Log(), HasSubstr("merganser: campaign "));
  EXPECT_THAT(Log(), HasSubstr("no worker can serve it (2 connected): "
                               "seeds[0].hf: org/model@abc is not in the "
                               "Hugging Face cache /nowhere"));
  // Nothing of it is left that would hinder another run.
  EXPECT_EQ(run({"--set", "random_seed=5"}), 0) << Log();
  unsetenv("HF_HUB_CACHE");
}

TEST_F(LanguageRunTest, ATokenizerWithMoreTokensThanTheModelIsRefused) {
  const std::string seed = Output("seed");
  std::filesystem::copy(kExamples + "llm/tiny-llama-b", seed);
  std::filesystem::copy_file(
      MERGANSER_SOURCE_DIR
      "/tests/data/llm/tokenizers/llama3-dense/tokenizer.json",
      seed + "/tokenizer.json",
      std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(Run("bad", kPaper, {"seeds[1].path=" + seed}), 2);
  EXPECT_THAT(Log(), HasSubstr("seeds[1]: " + seed + "/tokenizer.json: has "));
}

TEST_F(LanguageRunTest, ABaseNeedsNoTokenizer) {
  const std::string base = Output("base");
  std::filesystem::copy(kExamples + "llm/tiny-llama-base", base);
  std::filesystem::remove(base + "/tokenizer.json");
  EXPECT_EQ(Command({"validate", kExamples + kRecommended, "--set",
                     "model.base.path=" + base}),
            0)
      << Log();
  EXPECT_EQ(Command({"validate", kExamples + kPaper, "--set",
                     "seeds[1].path=" + base}),
            2);
  EXPECT_THAT(Log(), HasSubstr("seeds[1]: " + base + "/tokenizer.json: "));
}

TEST_F(LanguageRunTest, OneModelTwiceIsRefused) {
  EXPECT_EQ(Command({"validate", kExamples + kPaper, "--set",
                     "seeds[1].path=" + kExamples + "llm/tiny-llama-a"}),
            2);
  EXPECT_THAT(Log(),
              HasSubstr("seeds[1]: has the same weights as seeds[0]; expected "
                        "another model"));
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
