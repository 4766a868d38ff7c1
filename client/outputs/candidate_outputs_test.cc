#include "client/outputs/candidate_outputs.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace merganser {
namespace {

using google::protobuf::TextFormat;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint32_t kUnit = 1u << 20;

template <typename Message>
Message Proto(const std::string& text) {
  Message message;
  EXPECT_TRUE(TextFormat::ParseFromString(text, &message));
  return message;
}

// Two search datapoints, evaluated in the order 1, 0, of which 1 was right and
// 0 is not known, and one of the holdout.
class OutputPageTest : public testing::Test {
 protected:
  OutputPageTest() {
    candidate_.number = 12;
    candidate_.orders = {{1, 0}};
    candidate_.scores = {{std::nullopt, kUnit}};
  }

  absl::Status Take(OutputPage& page) {
    EvalPartSummary part{
        .task = "sums", .first_row = 10, .datapoints = 2, .scored = 1};
    absl::Status status = page.Take(part, Scores("1+1=", kUnit));
    part.scored = 2;
    status.Update(page.Take(part, Scores("2+2=\n", 0)));
    part = {.task = "sums", .holdout = true, .datapoints = 1, .scored = 1};
    status.Update(page.Take(part, Scores("3+3=", 0)));
    return status;
  }

  static v1::EvalScores Scores(const std::string& prompt, uint32_t score) {
    v1::EvalScores scores;
    scores.add_scores(score);
    scores.add_outputs()->set_prompt(prompt);
    scores.mutable_outputs(0)->set_text(" 2");
    scores.mutable_outputs(0)->set_expected(" 4");
    return scores;
  }

  v1::CampaignSpec spec_ = Proto<v1::CampaignSpec>(
      "tasks { name: 'sums' search { file: 'a.jsonl' } } "
      "model { compute_dtype: 'bfloat16' }");
  RecordedCandidate candidate_;
  std::ostringstream out_;
};

TEST_F(OutputPageTest, PrintsInTheOrderOfTheFile) {
  OutputPage page(spec_, candidate_, /*json=*/false, out_);
  ASSERT_EQ(Take(page), absl::OkStatus());
  EXPECT_EQ(out_.str(), R"(sums row 10: score 0
  prompt    "2+2=\n"
  output    " 2"
  expected  " 4"
sums row 11: score 1
  prompt    "1+1="
  output    " 2"
  expected  " 4"
sums holdout row 0: score 0
  prompt    "3+3="
  output    " 2"
  expected  " 4"
)");
  EXPECT_EQ(page.Comparison(),
            "candidate 12: all 1 scores of search datapoints are those of the "
            "campaign; 1 more were not needed to drop it");
}

TEST_F(OutputPageTest, PrintsALineOfJsonPerDatapoint) {
  OutputPage page(spec_, candidate_, /*json=*/true, out_);
  ASSERT_EQ(Take(page), absl::OkStatus());
  std::istringstream lines(out_.str());
  std::string line;
  std::vector<json> objects;
  while (std::getline(lines, line)) objects.push_back(json::parse(line));
  ASSERT_EQ(objects.size(), 3u);
  EXPECT_EQ(objects[0]["row"], 10);
  EXPECT_EQ(objects[0]["expected"], " 4");
  EXPECT_TRUE(objects[0]["campaign_score"].is_null());
  EXPECT_EQ(objects[1]["campaign_score"], 1.0);
  EXPECT_EQ(objects[2]["part"], "holdout");
  EXPECT_FALSE(objects[2].contains("campaign_score"));
}

TEST_F(OutputPageTest, SaysWhichScoresAreOthers) {
  candidate_.scores = {{kUnit, kUnit}};
  OutputPage page(spec_, candidate_, /*json=*/false, out_);
  ASSERT_EQ(Take(page), absl::OkStatus());
  EXPECT_THAT(out_.str(), HasSubstr("sums row 10: score 0, in the campaign 1"));
  EXPECT_THAT(page.Comparison(),
              HasSubstr("1 of 2 scores are not those of the campaign"));
}

TEST_F(OutputPageTest, AnAnswerToAnotherRequestIsRefused) {
  OutputPage page(spec_, candidate_, /*json=*/false, out_);
  EXPECT_EQ(
      page.Take({.task = "other", .datapoints = 2, .scored = 1}, Scores("x", 0))
          .code(),
      absl::StatusCode::kInternal);
  EXPECT_EQ(
      page.Take({.task = "sums", .datapoints = 3, .scored = 1}, Scores("x", 0))
          .code(),
      absl::StatusCode::kInternal);
}

TEST_F(OutputPageTest, TheRequestHasTheCampaignsChunks) {
  const v1::EvalRequest request =
      OutputsRequest(spec_, candidate_, "/root", "/model");
  EXPECT_EQ(request.model(), "/model");
  EXPECT_EQ(request.compute_dtype(), "bfloat16");
  EXPECT_TRUE(request.with_outputs());
  EXPECT_EQ(request.tasks(0).search().file(), "/root/a.jsonl");
  EXPECT_THAT(request.search_orders(0).datapoints(), ElementsAre(1, 0));
}

}  // namespace
}  // namespace merganser
