// Whole data sets, tokenised, through the models.
#include <cmath>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common/huggingface/tokenizer.h"
#include "gtest/gtest.h"
#include "worker/testing/test_llamas.h"

namespace merganser {
namespace {

constexpr int64_t kMostTokens = 16;
constexpr size_t kChunk = 64;

std::shared_ptr<const Tokenizer> TokenizerOf(const std::string& name) {
  return *Tokenizer::Open(LanguageModelFolder(name) + "/tokenizer.json");
}

struct Item {
  std::vector<int32_t> prompt;
  std::vector<int32_t> answer;  // with the token that ends it
};

std::vector<Item> ReadItems(const Tokenizer& tokenizer,
                            const std::string& task) {
  const int32_t end = *tokenizer.TokenToId("<|end_of_text|>");
  std::ifstream file(LanguageModelFolder("tasks/" + task + ".test.jsonl"));
  std::vector<Item> items;
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json json = nlohmann::json::parse(line);
    Item& item = items.emplace_back();
    item.prompt = *tokenizer.Encode(json["prompt"].get<std::string>(), true);
    item.answer = *tokenizer.Encode(json["answer"].get<std::string>(), false);
    item.answer.push_back(end);
  }
  return items;
}

// "1" per item whose answer is what greedy decoding writes, else "0".
std::string HitsByScoring(LanguageModel& model, std::span<const Item> items) {
  std::string hits;
  for (size_t begin = 0; begin < items.size(); begin += kChunk) {
    std::vector<ScoringRequest> requests;
    for (size_t i = begin; i < std::min(items.size(), begin + kChunk); ++i) {
      requests.push_back(
          {.context = items[i].prompt, .continuations = {items[i].answer}});
    }
    const auto scores = *model.Score(requests);
    for (const auto& score : scores) hits += score[0].greedy ? '1' : '0';
  }
  return hits;
}

std::string HitsByDecoding(LanguageModel& model, std::span<const Item> items) {
  std::vector<GenerationRequest> requests;
  for (const Item& item : items) requests.push_back({item.prompt, kMostTokens});
  const int32_t end = items.front().answer.back();
  const auto written = *model.Generate(
      requests, [&](size_t, TokenIds tokens) { return tokens.back() == end; });
  std::string hits;
  for (size_t i = 0; i < items.size(); ++i) {
    hits += written[i] == items[i].answer ? '1' : '0';
  }
  return hits;
}

class LlamaTasksTest : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Checkpoints, LlamaTasksTest,
                         ::testing::Values("base", "a", "b", "c"));

TEST_P(LlamaTasksTest, ExactMatchByScoringIsExactMatchByDecoding) {
  const std::string name = "tiny-llama-" + GetParam();
  const auto tokenizer = TokenizerOf(name);
  const auto model = LoadLlama(name, {.threads = 2});
  const nlohmann::json expected =
      ReadJson(LanguageModelFolder("task_scores.json"))["models"][name];
  for (const std::string task : {"arith", "strings", "logic"}) {
    const std::vector<Item> items = ReadItems(*tokenizer, task);
    const std::string hits = HitsByScoring(*model, items);
    EXPECT_EQ(hits, HitsByDecoding(*model, items)) << task;
    EXPECT_EQ(hits, expected[task]["hits"].get<std::string>()) << task;
  }
}

// Windows of 128 predicted tokens, as lm-eval cuts them: the first behind
// `prefix`, each later one with the last token seen, the last one with 128
// tokens of context.
std::vector<ScoringRequest> RollingWindows(const std::vector<int32_t>& prefix,
                                           const std::vector<int32_t>& tokens) {
  constexpr size_t kWindow = 128;
  const TokenIds all(tokens);
  std::vector<ScoringRequest> windows;
  for (size_t begin = 0; begin < all.size(); begin += kWindow) {
    const size_t end = std::min(all.size(), begin + kWindow);
    const size_t context = begin == 0 ? 0 : end - kWindow - 1;
    windows.push_back({.context = begin == 0
                                      ? TokenIds(prefix)
                                      : all.subspan(context, begin - context),
                       .continuations = {all.subspan(begin, end - begin)}});
  }
  return windows;
}

// Windows of 128 tokens, 64 apart; each token but the first is scored once.
std::vector<ScoringRequest> StridedWindows(const std::vector<int32_t>& tokens) {
  const TokenIds all(tokens);
  std::vector<ScoringRequest> windows;
  size_t scored = 1;
  for (size_t begin = 0; scored < all.size(); begin += 64) {
    const size_t end = std::min(all.size(), begin + 128);
    windows.push_back({.context = all.subspan(begin, scored - begin),
                       .continuations = {all.subspan(scored, end - scored)}});
    scored = end;
  }
  return windows;
}

double LogLikelihood(LanguageModel& model,
                     std::span<const ScoringRequest> windows) {
  double sum = 0;
  const auto scores = *model.Score(windows);
  for (const auto& score : scores) sum += score[0].log_likelihood;
  return sum;
}

class PerplexityTest : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Checkpoints, PerplexityTest,
                         ::testing::Values("tiny-llama-a", "tiny-llama-rope3",
                                           "tiny-llama-tied", "tiny-mistral",
                                           "tiny-qwen2"));

TEST_P(PerplexityTest, IsThatOfTransformersAndLmEval) {
  const nlohmann::json expected = ReadJson(LanguageModelFolder(GetParam()) +
                                           "/expected.json")["perplexity"];
  std::ifstream file(LanguageModelFolder("tasks/perplexity.txt"));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto tokenizer = TokenizerOf(GetParam());
  // A cache that holds one part of the windows at a time.
  const auto model =
      LoadLlama(GetParam(), {.threads = 2, .cache_bytes = 4 << 20});
  for (const bool special : {true, false}) {
    const std::vector<int32_t> tokens = *tokenizer->Encode(text, special);
    const nlohmann::json& rolling =
        expected[special ? "lm_eval_rolling_128_tokenizer_default"
                         : "lm_eval_rolling_128_add_bos_false"];
    ASSERT_EQ(tokens.size(), rolling["tokens"].get<size_t>());
    const std::vector<int32_t> prefix = {
        rolling["prefix_token"].get<int32_t>()};
    const double log_likelihood =
        LogLikelihood(*model, RollingWindows(prefix, tokens));
    const double expected_log_likelihood = rolling["loglikelihood"];
    EXPECT_NEAR(log_likelihood / expected_log_likelihood, 1, 1e-5);
    if (!special) continue;
    const double nll = expected["strided_128_64"]["nll"];
    EXPECT_NEAR(-LogLikelihood(*model, StridedWindows(tokens)) / nll, 1, 1e-5);
  }
}

}  // namespace
}  // namespace merganser
