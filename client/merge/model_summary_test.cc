#include "client/merge/model_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "common/storage/test_files.h"

namespace merganser {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string Data(const std::string& name) {
  return std::string(MERGANSER_SOURCE_DIR) + "/tests/data/llm/" + name;
}

ModelSummary Summarise(const std::string& path) {
  return *SummaryOf(*OpenModel(path));
}

TEST(ModelSummaryTest, SaysWhatAFolderHolds) {
  ModelSummary summary = Summarise(Data("tiny-llama-a"));
  ThreadTeam team(1);
  summary.digest = DigestOf(*OpenModel(summary.path), team);
  EXPECT_EQ(SummaryText(summary),
            "model         tiny-llama-a\n"
            "architecture  LlamaForCausalLM\n"
            "parameters    395,424\n"
            "dtype         float32\n"
            "digest        "
            "caa2bb319ce03a2e75a8ef6e1e6bc24f5328fb32f39a572f0b8d6db8af105271\n"
            "layers        3, hidden 96, feed-forward 256\n"
            "attention     6 heads of 16, 2 for keys and values\n"
            "rope          theta 10000\n"
            "context       256 tokens\n"
            "vocabulary    520 rows, head not tied\n"
            "tokenizer     513 tokens, a text ends at 509, 512\n"
            "licence       unknown\n"
            "weights       1.5 MiB, model.safetensors\n"
            "other files   generation_config.json, tokenizer.json, "
            "tokenizer_config.json\n");
}

TEST(ModelSummaryTest, SaysHowPositionsAndWindowsAre) {
  EXPECT_THAT(SummaryText(Summarise(Data("tiny-llama-rope3"))),
              HasSubstr("theta 500000, llama3 scaling by 8 from 32\n"));
  EXPECT_THAT(SummaryText(Summarise(Data("tiny-llama-tied"))),
              HasSubstr("theta 10000, linear scaling by 2\n"));
  EXPECT_THAT(SummaryText(Summarise(Data("tiny-mistral"))),
              HasSubstr("256 tokens, a window of 16\n"));
  EXPECT_THAT(SummaryText(Summarise(Data("tiny-llama-b"))),
              HasSubstr("4 shards, model-00001-of-00004.safetensors …\n"));
}

TEST(ModelSummaryTest, TheJsonHasTheSame) {
  const json line = json::parse(SummaryJson(Summarise(Data("tiny-qwen2"))));
  EXPECT_EQ(line["architecture"], "Qwen2ForCausalLM");
  EXPECT_EQ(line["parameters"], 95'808);
  EXPECT_EQ(line["dtypes"], json({{"float32", 95'808}}));
  EXPECT_EQ(line["config"]["tied_head"], true);
  EXPECT_EQ(line["config"]["sliding_window"], nullptr);
  EXPECT_EQ(line["end_tokens"], json({447}));
  EXPECT_EQ(line["licence"], "");
}

TEST(ModelSummaryTest, AFileIsAnMlp) {
  const ModelSummary summary =
      Summarise(std::string(MERGANSER_SOURCE_DIR) +
                "/examples/digits/seed_digits_0_to_4.safetensors");
  EXPECT_EQ(summary.architecture, "mlp");
  EXPECT_EQ(summary.parameters, 19'210);
  EXPECT_THAT(SummaryText(summary), HasSubstr("dtype         float32\n"));
}

TEST(ModelSummaryTest, ATokenizerThatDoesNotParseIsNamed) {
  const TestFolder folder;
  folder.CopyFrom(Data("tiny-llama-a"));
  folder.Write("tokenizer.json", "{}");
  const absl::Status status = SummaryOf(*OpenModel(folder.path())).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(folder.File("tokenizer.json")));
}

TEST(OpenModelTest, WhatIsMissingIsBadInput) {
  EXPECT_EQ(OpenModel("/nowhere").status(),
            absl::InvalidArgumentError("/nowhere: is no folder"));
}

}  // namespace
}  // namespace merganser
