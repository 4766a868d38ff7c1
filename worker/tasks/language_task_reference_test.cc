// Tasks on real models, beside what transformers and lm-eval say of them:
// tests/data/llm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "common/checkpoint/checkpoint.h"
#include "common/genome/linear_recipe.h"
#include "common/genome/materialise.h"
#include "common/genome/seed_weights.h"
#include "common/genome/thread_team.h"
#include "common/language_task/language_datapoints.h"
#include "common/language_task/language_task.h"
#include "common/storage/file.h"
#include "worker/tasks/served_language_model.h"

namespace merganser {
namespace {

using nlohmann::json;

const std::string kData = MERGANSER_SOURCE_DIR "/tests/data/llm/";

json ReadJson(const std::string& path) {
  std::ifstream stream(path);
  return json::parse(stream);
}

LanguageTaskDefinition Definition(LanguageTaskKind kind, const char* prompt) {
  LanguageTaskDefinition task{.kind = kind};
  task.prompt = TextTemplate::Parse(prompt).value();
  task.has_answer = kind == LanguageTaskKind::kExactMatch ||
                    kind == LanguageTaskKind::kGeneration;
  if (task.has_answer) task.answer = TextTemplate::Parse("{answer}").value();
  task.max_new_tokens = 16;
  return task;
}

LanguageScores ScoreAll(const LanguageTaskDefinition& definition,
                        const std::string& file, ServedLanguageModel& served) {
  const auto dataset = ReadJsonlDataset(kData + "tasks/" + file,
                                        {.fields = FieldsOf(definition)});
  EXPECT_TRUE(dataset.ok()) << dataset.status();
  const auto task =
      LanguageTask::Create(definition, *dataset, nullptr, served.tools.tools);
  EXPECT_TRUE(task.ok()) << task.status();
  std::vector<uint32_t> all((*task)->datapoints());
  std::iota(all.begin(), all.end(), 0u);
  LanguageScores result;
  constexpr size_t kChunk = 64;
  for (size_t i = 0; i < all.size(); i += kChunk) {
    const auto chunk =
        std::span(all).subspan(i, std::min(kChunk, all.size() - i));
    const auto scores = (*task)->Score(
        *served.model, chunk,
        /*wants_outputs=*/definition.kind != LanguageTaskKind::kExactMatch);
    EXPECT_TRUE(scores.ok()) << scores.status();
    result.scores.insert(result.scores.end(), scores->scores.begin(),
                         scores->scores.end());
    result.outputs.insert(result.outputs.end(), scores->outputs.begin(),
                          scores->outputs.end());
    EXPECT_FALSE(scores->saw_nan);
  }
  return result;
}

// Hits, with what was expected in place of what is fragile.
std::string HitsBut(const LanguageScores& result, const json& expected) {
  std::string hits;
  for (const uint32_t score : result.scores) hits += score == 0 ? '0' : '1';
  const std::string right = expected.at("hits");
  for (const size_t fragile : expected.at("fragile")) {
    hits.at(fragile) = right.at(fragile);
  }
  return hits;
}

class LanguageTaskReferenceTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto served = ServeLanguageModel(kData + GetParam(), {.threads = 2});
    ASSERT_TRUE(served.ok()) << served.status();
    served_ = *std::move(served);
    // The reference decodes up to <|end_of_text|> alone.
    served_.tools.tools.end_tokens = {kEndOfText};
    expected_ = ReadJson(kData + "task_scores.json")["models"][GetParam()];
  }

  static constexpr int32_t kEndOfText = 509;
  ServedLanguageModel served_;
  json expected_;
};

TEST_P(LanguageTaskReferenceTest, ExactMatchHitsWhatDecodingHits) {
  const auto task = Definition(LanguageTaskKind::kExactMatch, "{prompt}");
  for (const char* name : {"arith", "strings", "logic"}) {
    const LanguageScores result =
        ScoreAll(task, std::string(name) + ".test.jsonl", served_);
    EXPECT_EQ(HitsBut(result, expected_[name]), expected_[name]["hits"])
        << name;
  }
}

TEST_P(LanguageTaskReferenceTest, GenerationWritesWhatTransformersWrite) {
  const auto task = Definition(LanguageTaskKind::kGeneration, "{prompt}");
  for (const char* name : {"arith", "strings", "logic"}) {
    const LanguageScores result =
        ScoreAll(task, std::string(name) + ".test.jsonl", served_);
    EXPECT_EQ(HitsBut(result, expected_[name]), expected_[name]["hits"])
        << name;
    const std::set<size_t> fragile = expected_[name]["fragile"];
    for (size_t i = 0; i < 10; ++i) {
      if (fragile.contains(i)) continue;
      EXPECT_EQ(result.outputs[i].text, expected_[name]["first10"][i]);
    }
  }
}

TEST_P(LanguageTaskReferenceTest, ChoicesAreThoseOfLmEval) {
  const json rows = [] {
    json all;
    std::ifstream stream(kData + "tasks/choice.jsonl");
    for (std::string line; std::getline(stream, line);) {
      all.push_back(json::parse(line));
    }
    return all;
  }();
  const json& expected = expected_["choice"];
  const std::set<size_t> fragile = expected["fragile"];
  for (const bool by_length : {false, true}) {
    auto task = Definition(LanguageTaskKind::kMultipleChoice, "{question}");
    task.by_length = by_length;
    const LanguageScores result = ScoreAll(task, "choice.jsonl", served_);
    const json& picks = expected[by_length ? "picks_norm" : "picks"];
    ASSERT_EQ(result.scores.size(), picks.size());
    for (size_t i = 0; i < picks.size(); ++i) {
      if (fragile.contains(i)) continue;
      const size_t pick = picks[i];
      EXPECT_EQ(result.outputs[i].text, rows[i]["choices"][pick]) << i;
      EXPECT_EQ(result.scores[i] != 0, pick == rows[i]["answer_index"]) << i;
    }
  }
}

std::string NameOf(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Models, LanguageTaskReferenceTest,
                         testing::Values("tiny-llama-base", "tiny-llama-a",
                                         "tiny-llama-b", "tiny-llama-c"),
                         NameOf);

// Beside what lm-eval says of every checkpoint.
class CheckpointReferenceTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto served = ServeLanguageModel(kData + GetParam(), {.threads = 2});
    ASSERT_TRUE(served.ok()) << served.status();
    served_ = *std::move(served);
    expected_ = ReadJson(kData + GetParam() + "/expected.json");
  }

  ServedLanguageModel served_;
  json expected_;
};

TEST_P(CheckpointReferenceTest, PerplexityIsThatOfLmEval) {
  const json expected =
      expected_["perplexity"]["lm_eval_rolling_128_tokenizer_default"];
  EXPECT_EQ(served_.tools.tools.prefix_token, expected["prefix_token"]);
  auto definition = Definition(LanguageTaskKind::kPerplexity, "{text}");
  definition.window = 128;
  JsonlDataset dataset{.path = "perplexity.txt",
                       .fields = FieldsOf(definition)};
  dataset.rows.push_back(
      {.line = 1,
       .values = {ReadFile(kData + "tasks/perplexity.txt").value()}});
  const auto task =
      LanguageTask::Create(definition, dataset, nullptr, served_.tools.tools);
  ASSERT_TRUE(task.ok()) << task.status();
  const std::vector<uint32_t> chunk = {0};
  const auto result = (*task)->Score(*served_.model, chunk, true);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->outputs[0].tokens, expected["tokens"]);
  const double perplexity = std::exp(-result->outputs[0].log_likelihood /
                                     static_cast<double>(expected["tokens"]));
  const double right = expected["token_perplexity"];
  EXPECT_NEAR(perplexity / right, 1, 1e-5);
  EXPECT_NEAR(result->scores[0], kScoreUnit / right, 1);
}

TEST_P(CheckpointReferenceTest, PairsAreThoseOfLmEval) {
  for (const bool special : {true, false}) {
    for (const json& pair :
         expected_["loglikelihood"]
                  [special ? "tokenizer_default" : "add_bos_false"]) {
      const auto tokens =
          EncodePair(*served_.tools.codec, std::string(pair["context"]),
                     std::string(pair["continuation"]), special,
                     served_.tools.tools.prefix_token);
      ASSERT_TRUE(tokens.ok()) << tokens.status();
      EXPECT_EQ(tokens->context, Tokens(pair["context_ids"]));
      EXPECT_EQ(tokens->continuation, Tokens(pair["continuation_ids"]));
      const ScoringRequest request{.context = tokens->context,
                                   .continuations = {tokens->continuation}};
      const auto scores = served_.model->Score({&request, 1});
      ASSERT_TRUE(scores.ok()) << scores.status();
      EXPECT_NEAR((*scores)[0][0].log_likelihood, pair["loglikelihood"], 2e-4);
      EXPECT_EQ((*scores)[0][0].greedy, pair["is_greedy"]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Checkpoints, CheckpointReferenceTest,
    testing::Values("tiny-llama-base", "tiny-llama-a", "tiny-llama-b",
                    "tiny-llama-c", "tiny-llama-rope3", "tiny-llama-rope3-b",
                    "tiny-llama-tied", "tiny-mistral", "tiny-qwen2"),
    NameOf);

// Merges of a and b: SLERP(A, B, w) before p, SLERP(A, B, 1 - w) from p on.
TEST(LanguageTaskMergesTest, MergesHitWhatTransformersHits) {
  ThreadTeam team(2);
  auto served = ServeLanguageModel(kData + "tiny-llama-a", {.threads = 2});
  ASSERT_TRUE(served.ok()) << served.status();
  served->tools.tools.end_tokens = {509};
  const auto a = Checkpoint::Open(kData + "tiny-llama-a").value();
  const auto b = Checkpoint::Open(kData + "tiny-llama-b").value();
  const SeedWeights weights_a =
      SeedWeights::Create(a, a->layout(), team).value();
  const SeedWeights weights_b =
      SeedWeights::Create(b, a->layout(), team).value();
  const SeedWeights* const seeds[] = {&weights_a, &weights_b};
  const json reference = ReadJson(kData + "task_scores.json");
  const auto task = Definition(LanguageTaskKind::kExactMatch, "{prompt}");
  constexpr double kOmega = 0.2731349781415451;  // of the reference's README
  for (const json& merge : reference["merges"]) {
    const double mix = merge["w"];
    const int64_t split = merge["p"];
    const auto slerp = [&](double w) {
      return std::vector<double>{std::sin((1 - w) * kOmega) / std::sin(kOmega),
                                 std::sin(w * kOmega) / std::sin(kOmega)};
    };
    std::vector<int64_t> starts = {0};
    std::vector<double> coefficients = slerp(mix);
    if (split < a->layout().length) {
      const std::vector<double> behind = slerp(1 - mix);
      starts.push_back(split);
      coefficients.insert(coefficients.end(), behind.begin(), behind.end());
    }
    const LinearRecipe recipe{
        .seeds = 2,
        .chromosomes = {{.starts = starts, .coefficients = coefficients}}};
    ASSERT_TRUE(Materialiser(team)
                    .Run(recipe, SingleChromosome(a->layout()), seeds,
                         DType::kF32, served->model->parameters())
                    .ok());
    ASSERT_TRUE(served->model->LoadParameters().ok());
    for (const char* name : {"arith", "strings"}) {
      const json expected = {{"hits", merge["hits"][name]},
                             {"fragile", merge["fragile"][name]}};
      const LanguageScores result =
          ScoreAll(task, std::string(name) + ".test.jsonl", *served);
      EXPECT_EQ(HitsBut(result, expected), expected["hits"])
          << name << " of p " << split << ", w " << mix;
    }
  }
}

}  // namespace
}  // namespace merganser
