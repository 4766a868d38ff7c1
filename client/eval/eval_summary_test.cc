#include "client/eval/eval_summary.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace merganser {
namespace {

using google::protobuf::TextFormat;
using nlohmann::json;

constexpr int kUnit = 1 << 20;

template <typename Message>
Message Proto(const std::string& text) {
  Message message;
  EXPECT_TRUE(TextFormat::ParseFromString(text, &message));
  return message;
}

const v1::EvalRequest kRequest = Proto<v1::EvalRequest>(
    "tasks { name: 'sums' kind: 'exact_match' } "
    "tasks { name: 'text' kind: 'perplexity' }");
const v1::EvalPlan kPlan = Proto<v1::EvalPlan>(
    "parts { task: 0 datapoints: 4 } parts { task: 1 holdout: true "
    "datapoints: 2 }");

v1::EvalScores Scores(int part, const std::vector<uint32_t>& scores) {
  v1::EvalScores message;
  message.set_part(part);
  message.mutable_scores()->Assign(scores.begin(), scores.end());
  return message;
}

TEST(EvalSummaryTest, GivesMeanAndStandardError) {
  EvalSummary summary;
  EXPECT_FALSE(summary.complete());
  ASSERT_TRUE(summary.Begin(kRequest, kPlan).ok());
  ASSERT_TRUE(summary.Add(Scores(0, {kUnit, kUnit, 0})).ok());
  EXPECT_FALSE(summary.complete());
  ASSERT_TRUE(summary.Add(Scores(0, {kUnit})).ok());
  v1::EvalScores text = Scores(1, {kUnit / 4, kUnit / 2});
  *text.add_outputs() = Proto<v1::EvalOutput>("log_likelihood: -6 tokens: 3");
  *text.add_outputs() = Proto<v1::EvalOutput>("log_likelihood: -2 tokens: 1");
  text.set_saw_nan(true);
  ASSERT_TRUE(summary.Add(text).ok());
  EXPECT_TRUE(summary.complete());
  // statistics.stdev([1, 1, 0, 1]) / 4 ** 0.5 of Python.
  EXPECT_DOUBLE_EQ(summary.parts()[0].Score(), 0.75);
  EXPECT_DOUBLE_EQ(*summary.parts()[0].StandardError(), 0.25);
  EXPECT_FALSE(summary.parts()[0].Perplexity().has_value());
  EXPECT_DOUBLE_EQ(summary.parts()[1].Score(), 0.375);
  EXPECT_DOUBLE_EQ(*summary.parts()[1].StandardError(), 0.125);
  EXPECT_DOUBLE_EQ(*summary.parts()[1].Perplexity(), 7.38905609893065);
  EXPECT_EQ(EvalText(summary),
            "task  part     datapoints  score   error   perplexity\n"
            "sums  search   4           0.7500  0.2500  -\n"
            "text  holdout  2           0.3750  0.1250  7.3891\n");
  const std::string lines = EvalJson(summary);
  const json sums = json::parse(lines.substr(0, lines.find('\n')));
  EXPECT_EQ(sums["task"], "sums");
  EXPECT_EQ(sums["score"], 0.75);
  EXPECT_FALSE(sums.contains("perplexity"));
  const json texts = json::parse(lines.substr(lines.find('\n')));
  EXPECT_EQ(texts["part"], "holdout");
  EXPECT_EQ(texts["tokens"], 4);
  EXPECT_EQ(texts["saw_nan"], true);
}

TEST(EvalSummaryTest, OneDatapointHasNoStandardError) {
  EvalSummary summary;
  ASSERT_TRUE(summary.Begin(kRequest, kPlan).ok());
  ASSERT_TRUE(summary.Add(Scores(0, {kUnit})).ok());
  EXPECT_FALSE(summary.parts()[0].StandardError().has_value());
}

TEST(EvalSummaryTest, WritesALinePerDatapoint) {
  v1::EvalScores scores = Scores(0, {kUnit, 0});
  *scores.add_outputs() = Proto<v1::EvalOutput>(
      "prompt: '1+1=' text: '2' token_ids: 50 token_ids: 257 expected: '3'");
  *scores.add_outputs() =
      Proto<v1::EvalOutput>("prompt: 'ä' log_likelihood: -1.5 tokens: 3");
  EXPECT_EQ(EvalOutputLines(
                {.task = "sums", .holdout = true, .first_row = 5, .scored = 4},
                scores),
            R"({"task":"sums","part":"holdout","row":7,"prompt":"1+1=",)"
            R"("output":"2","token_ids":[50,257],"expected":"3",)"
            R"("score":1.0})"
            "\n"
            R"({"task":"sums","part":"holdout","row":8,"prompt":"ä",)"
            R"("log_likelihood":-1.5,"tokens":3,"score":0.0})"
            "\n");
}

TEST(EvalSummaryTest, WhatWasNotPlannedIsRefused) {
  EvalSummary summary;
  EXPECT_FALSE(
      summary.Begin(kRequest, Proto<v1::EvalPlan>("parts { task: 2 }")).ok());
  ASSERT_TRUE(summary.Begin(kRequest, kPlan).ok());
  EXPECT_FALSE(summary.Add(Scores(2, {0})).ok());
  EXPECT_FALSE(summary.Add(Scores(-1, {0})).ok());
  EXPECT_FALSE(summary.Add(Scores(0, {0, 0, 0, 0, 0})).ok());
  EXPECT_FALSE(summary.Add(Scores(0, {kUnit + 1})).ok());
}

}  // namespace
}  // namespace merganser
