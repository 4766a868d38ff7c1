#include "worker/models/llama.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/testing/test_llamas.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;

constexpr double kLogitTolerance = 1e-4;
constexpr double kLogLikelihoodTolerance = 2e-4;

std::vector<int32_t> Ids(const nlohmann::json& json) {
  return json.get<std::vector<int32_t>>();
}

double LargestDifference(std::span<const float> actual,
                         const std::vector<float>& expected) {
  EXPECT_EQ(actual.size(), expected.size());
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(double{actual[i]} - expected[i]));
  }
  return largest;
}

bool Never(size_t, TokenIds) { return false; }

class LlamaTest : public ::testing::TestWithParam<std::string> {
 protected:
  LlamaTest()
      : expected_(ReadJson(LanguageModelFolder(GetParam()) + "/expected.json")),
        model_(LoadLlama(GetParam(), {.threads = 2})) {}

  std::vector<float> LastLogits(LanguageModel& model,
                                const std::vector<int32_t>& ids) {
    const std::vector<float> logits = *model.Logits(ids);
    return {logits.end() - model.vocabulary_size(), logits.end()};
  }

  const nlohmann::json expected_;
  const std::unique_ptr<LanguageModel> model_;
};

INSTANTIATE_TEST_SUITE_P(
    Checkpoints, LlamaTest,
    ::testing::Values("tiny-llama-a", "tiny-llama-b", "tiny-llama-base",
                      "tiny-llama-c", "tiny-llama-rope3", "tiny-llama-rope3-b",
                      "tiny-llama-tied", "tiny-mistral", "tiny-qwen2"),
    [](const auto& info) {
      std::string name = info.param;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST_P(LlamaTest, GivesTheLogitsOfTransformers) {
  for (const auto& prompt : expected_["prompts"]) {
    EXPECT_LT(LargestDifference(LastLogits(*model_, Ids(prompt["ids"])),
                                prompt["last_logits"]),
              kLogitTolerance);
  }
  const auto& all = expected_["all_positions"];
  const std::vector<float> logits = *model_->Logits(Ids(all["ids"]));
  const int64_t size = model_->vocabulary_size();
  for (size_t i = 0; i < all["logits"].size(); ++i) {
    EXPECT_LT(LargestDifference(std::span(logits).subspan(i * size, size),
                                all["logits"][i]),
              kLogitTolerance)
        << "position " << i;
  }
}

TEST_P(LlamaTest, WritesTheGreedyContinuationsOfTransformers) {
  std::vector<std::vector<int32_t>> prompts;
  std::vector<GenerationRequest> requests;
  for (const auto& prompt : expected_["prompts"]) {
    prompts.push_back(Ids(prompt["ids"]));
  }
  for (const auto& prompt : prompts) requests.push_back({prompt, 32});
  const auto written = *model_->Generate(requests, Never);
  for (size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_EQ(written[i],
              Ids(expected_["prompts"][i]["greedy_ids_ignore_eos"]));
  }
}

TEST_P(LlamaTest, StopsWhereTransformersStops) {
  const auto checkpoint = *Checkpoint::Open(LanguageModelFolder(GetParam()));
  const std::vector<int32_t>& ends = checkpoint->generation().end_tokens;
  std::vector<std::vector<int32_t>> prompts;
  std::vector<GenerationRequest> requests;
  for (const auto& prompt : expected_["prompts"]) {
    prompts.push_back(Ids(prompt["ids"]));
  }
  for (const auto& prompt : prompts) requests.push_back({prompt, 32});
  const auto written =
      *model_->Generate(requests, [&](size_t, TokenIds tokens) {
        return std::find(ends.begin(), ends.end(), tokens.back()) != ends.end();
      });
  for (size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_EQ(written[i], Ids(expected_["prompts"][i]["generate_ids"]));
  }
}

TEST_P(LlamaTest, GivesTheLogLikelihoodsOfTransformers) {
  for (const char* table : {"tokenizer_default", "add_bos_false"}) {
    const auto& rows = expected_["loglikelihood"][table];
    std::vector<std::vector<int32_t>> ids;
    for (const auto& row : rows) {
      ids.push_back(Ids(row["context_ids"]));
      ids.push_back(Ids(row["continuation_ids"]));
    }
    std::vector<ScoringRequest> requests;
    for (size_t i = 0; i < ids.size(); i += 2) {
      requests.push_back({.context = ids[i], .continuations = {ids[i + 1]}});
    }
    const auto scores = *model_->Score(requests);
    for (size_t i = 0; i < rows.size(); ++i) {
      const double expected = rows[i]["loglikelihood"];
      EXPECT_NEAR(scores[i][0].log_likelihood, expected,
                  kLogLikelihoodTolerance)
          << table << " " << i;
      EXPECT_EQ(scores[i][0].greedy, rows[i]["is_greedy"].get<bool>());
      EXPECT_EQ(scores[i][0].next, -1);
    }
  }
}

// A row of a batch is computed in the same order as alone.
TEST_P(LlamaTest, GivesTheSameBitsInAnyBatchOnTheCpu) {
  const auto& rows = expected_["loglikelihood"]["tokenizer_default"];
  std::vector<std::vector<int32_t>> ids;
  for (const auto& row : rows) {
    ids.push_back(Ids(row["context_ids"]));
    ids.push_back(Ids(row["continuation_ids"]));
  }
  std::vector<ScoringRequest> requests;
  for (size_t i = 0; i < ids.size(); i += 2) {
    requests.push_back({.context = ids[i],
                        .continuations = {ids[i + 1], ids[1], ids[3]},
                        .wants_next = true});
  }
  const auto together = *model_->Score(requests);
  const auto alone_model = LoadLlama(GetParam(), {.threads = 1});
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto alone = *alone_model->Score({&requests[i], 1});
    for (size_t k = 0; k < 3; ++k) {
      EXPECT_EQ(alone[0][k].log_likelihood, together[i][k].log_likelihood);
      EXPECT_EQ(alone[0][k].greedy, together[i][k].greedy);
      EXPECT_EQ(alone[0][k].next, together[i][k].next);
    }
  }
}

// What transformers computes in 16 bits throughout is 0.01 to 0.3 away from
// float32, and so are we, in any direction.
TEST_P(LlamaTest, ComputesIn16Bits) {
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    const auto model = LoadLlama(GetParam(), {.compute_dtype = dtype});
    const bool native =
        expected_.contains("native") &&
        expected_["native"]["compute"].get<std::string>().starts_with(
            dtype == DType::kBF16 ? "bfloat16" : "float16");
    for (size_t i = 0; i < expected_["prompts"].size(); ++i) {
      const auto& prompt = expected_["prompts"][i];
      const std::vector<float> logits = LastLogits(*model, Ids(prompt["ids"]));
      EXPECT_LT(LargestDifference(logits, prompt["last_logits"]),
                dtype == DType::kBF16 ? 0.6 : 0.05);
      if (!native) continue;
      EXPECT_LT(
          LargestDifference(logits, expected_["native"]["last_logits"][i]),
          dtype == DType::kBF16 ? 0.6 : 0.05);
    }
  }
}

TEST_P(LlamaTest, GivesTheSameBitsAgainIn16Bits) {
  const auto model = LoadLlama(GetParam(), {.compute_dtype = DType::kBF16});
  std::vector<std::vector<int32_t>> prompts;
  std::vector<GenerationRequest> requests;
  for (const auto& prompt : expected_["prompts"]) {
    prompts.push_back(Ids(prompt["ids"]));
  }
  for (const auto& prompt : prompts) requests.push_back({prompt, 4});
  const auto written = *model->Generate(requests, Never);
  std::vector<ScoringRequest> scoring;
  for (size_t i = 0; i < prompts.size(); ++i) {
    scoring.push_back({.context = prompts[i], .continuations = {written[i]}});
  }
  const auto scores = *model->Score(scoring);
  const auto again = *model->Score(scoring);
  for (size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_TRUE(std::isfinite(scores[i][0].log_likelihood));
    EXPECT_EQ(again[i][0].log_likelihood, scores[i][0].log_likelihood);
  }
  EXPECT_EQ(*model->Generate(requests, Never), written);
}

std::vector<int32_t> Counting(int64_t size) {
  std::vector<int32_t> ids(size);
  for (int64_t i = 0; i < size; ++i) ids[i] = static_cast<int32_t>(i % 400);
  return ids;
}

TEST(LlamaErrorsTest, NamesTokensThatAreNotOfTheVocabulary) {
  const auto model = LoadLlama("tiny-llama-a");
  const std::vector<int32_t> bad = {1, 520};
  const std::vector<int32_t> good = {1, 519};
  EXPECT_TRUE(model->Logits(good).ok());
  for (const absl::Status& status :
       {model->Logits(bad).status(),
        model->Score({{{.context = bad, .continuations = {good}}}}).status(),
        model->Score({{{.context = good, .continuations = {bad}}}}).status(),
        model->Generate({{{bad, 1}}}, Never).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(),
                HasSubstr("token 520 is not of the model's vocabulary of 520"));
  }
}

TEST(LlamaErrorsTest, RefusesWhatIsLongerThanTheContext) {
  const auto model = LoadLlama("tiny-llama-a");
  ASSERT_EQ(model->maximum_length(), 256);
  const std::vector<int32_t> whole = Counting(256);
  const std::vector<int32_t> longer = Counting(257);
  const TokenIds context = TokenIds(longer).first(200);
  EXPECT_TRUE(model->Logits(whole).ok());
  EXPECT_FALSE(model->Logits(longer).ok());
  const auto score = [&](int64_t continuation) {
    return model
        ->Score({{{.context = context,
                   .continuations = {TokenIds(longer).first(continuation)}}}})
        .status();
  };
  EXPECT_TRUE(score(56).ok());
  EXPECT_THAT(score(57).message(),
              HasSubstr("257 tokens; expected at most 256"));
  EXPECT_FALSE(model->Generate({{{longer, 1}}}, Never).ok());
  EXPECT_TRUE((*model->Generate({{{whole, 1}}}, Never))[0].empty());
  EXPECT_EQ((*model->Generate({{{context, 100}}}, Never))[0].size(), 56);
}

TEST(LlamaErrorsTest, RefusesALayoutOfAnotherModel) {
  const auto checkpoint =
      *Checkpoint::Open(LanguageModelFolder("tiny-llama-a"));
  ParameterLayout layout = checkpoint->layout();
  const auto up = std::find_if(
      layout.tensors.begin(), layout.tensors.end(), [](const auto& tensor) {
        return tensor.name == "model.layers.1.mlp.up_proj.weight";
      });
  up->shape = {1, 2};
  EXPECT_EQ(CreateLlama(checkpoint->config(), layout, {}).status().message(),
            "model.layers.1.mlp.up_proj.weight has shape [1, 2]; expected "
            "[256, 96]");
  layout.tensors.erase(up);
  EXPECT_EQ(CreateLlama(checkpoint->config(), layout, {}).status().message(),
            "model.layers.1.mlp.up_proj.weight is missing; expected shape "
            "[256, 96]");
}

class NaNLlamaTest : public ::testing::TestWithParam<DType> {
 protected:
  int infinite_ = 0;
};

INSTANTIATE_TEST_SUITE_P(ComputeDTypes, NaNLlamaTest,
                         ::testing::Values(DType::kF32, DType::kBF16));

// Rows of the head so large that a logit is infinite, and no weight is.
TEST_P(NaNLlamaTest, FlagsLogitsThatAreInfinite) {
  const auto model = LoadLlama("tiny-llama-a", {.compute_dtype = GetParam()});
  const std::vector<int32_t> ids = Counting(20);
  const std::vector<ScoringRequest> request = {
      {.context = TokenIds(ids).first(10),
       .continuations = {TokenIds(ids).subspan(10)},
       .wants_next = true}};
  auto* const weights = reinterpret_cast<float*>(model->parameters().data());
  const size_t count = model->parameters().size() / sizeof(float);
  for (const float large : {3e38f, -3e38f}) {
    // One sign or the other gives a positive sum behind some token.
    std::fill(weights + count - 96, weights + count, large);
    ASSERT_TRUE(model->LoadParameters().ok());
    const ContinuationScore score = (*model->Score(request))[0][0];
    EXPECT_FALSE(std::isinf(score.log_likelihood) && score.greedy);
    if (!std::isnan(score.log_likelihood)) continue;
    EXPECT_FALSE(score.greedy);
    ++infinite_;
  }
  EXPECT_GT(infinite_, 0);
}

TEST_P(NaNLlamaTest, FlagsWeightsThatAreNotNumbers) {
  const auto model = LoadLlama("tiny-llama-a", {.compute_dtype = GetParam()});
  const std::vector<int32_t> ids = Counting(20);
  const std::vector<ScoringRequest> request = {
      {.context = TokenIds(ids).first(10),
       .continuations = {TokenIds(ids).subspan(10)},
       .wants_next = true}};
  auto* const weights = reinterpret_cast<float*>(model->parameters().data());
  const size_t count = model->parameters().size() / sizeof(float);
  // The embedding of token 5, a weight of the first layer, the last of the
  // head.
  for (const size_t place :
       {size_t{5 * 96}, size_t{520 * 96 + 500}, count - 1}) {
    const float old = weights[place];
    weights[place] = std::numeric_limits<float>::quiet_NaN();
    ASSERT_TRUE(model->LoadParameters().ok());
    const ContinuationScore score = (*model->Score(request))[0][0];
    EXPECT_TRUE(std::isnan(score.log_likelihood)) << place;
    EXPECT_FALSE(score.greedy);
    EXPECT_EQ(score.next, -1);
    EXPECT_TRUE((*model->Generate({{{ids, 5}}}, Never))[0].empty());
    weights[place] = old;
  }
  ASSERT_TRUE(model->LoadParameters().ok());
  EXPECT_TRUE(std::isfinite((*model->Score(request))[0][0].log_likelihood));
}

}  // namespace
}  // namespace merganser
