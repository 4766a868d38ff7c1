#include "worker/models/forest_model.h"

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int32_t kVocabulary = 10;

// After tokens that add up to s, token s mod 10 is the best; every token's log
// probability is -(s + token). Finds the sum through the keys that it is given,
// so that wrong ones show.
class AddingEngine final : public DecoderEngine {
 public:
  struct Calls {
    int64_t tokens = 0;
    std::vector<size_t> step_sizes;
    std::vector<bool> kept;
  };

  explicit AddingEngine(Calls& calls) : calls_(calls) {}

  std::span<uint8_t> parameters() override { return {}; }
  OutputFormat parameter_format() const override { return {}; }
  absl::Status LoadParameters() override { return absl::OkStatus(); }
  int64_t row_bytes() const override { return 1; }

  absl::Status Reserve(int64_t rows, int64_t, bool keep) override {
    calls_.kept.push_back(keep);
    cache_.assign(rows, -1000);
    return absl::OkStatus();
  }

  absl::Status Forward(const ForestStep& step) override {
    calls_.tokens += std::ssize(step.tokens);
    calls_.step_sizes.push_back(step.tokens.size());
    for (size_t i = 0; i < step.tokens.size(); ++i) {
      cache_.at(step.rows[i]) = step.tokens[i];
    }
    sums_.assign(step.tokens.size(), -1);
    for (const SegmentStep& segment : step.segments) AddSegment(segment, step);
    return absl::OkStatus();
  }

  absl::Status Head(const HeadRequest& request, HeadResult& result) override {
    result.best.clear();
    result.log_probabilities.clear();
    for (const int64_t token : request.tokens) {
      const int64_t sum = sums_.at(token);
      result.best.push_back(sum == 13 ? -1 : sum % kVocabulary);
    }
    for (const LogitQuery& query : request.queries) {
      const int64_t sum = sums_.at(request.tokens.at(query.row));
      result.log_probabilities.push_back(-double(sum + query.token));
    }
    return absl::OkStatus();
  }

  absl::Status Logits(std::span<const int64_t> tokens,
                      std::span<float> logits) override {
    for (size_t i = 0; i < logits.size(); ++i) {
      logits[i] = static_cast<float>(sums_.at(tokens[i / kVocabulary]));
    }
    return absl::OkStatus();
  }

 private:
  void AddSegment(const SegmentStep& segment, const ForestStep& step) {
    std::vector<int64_t> rows;
    for (const KeyRange& range : segment.keys) {
      for (int64_t row = range.begin; row < range.end; ++row) {
        rows.push_back(row);
      }
    }
    ASSERT_EQ(std::ssize(rows), segment.position + segment.count);
    for (int64_t i = 0; i < segment.count; ++i) {
      ASSERT_EQ(step.positions[segment.first + i], segment.position + i);
      int64_t& sum = sums_.at(segment.first + i);
      sum = 0;
      for (int64_t p = 0; p <= segment.position + i; ++p) {
        sum += cache_.at(rows[p]);
      }
    }
  }

  Calls& calls_;
  std::vector<int64_t> cache_;  // token per row
  std::vector<int64_t> sums_;   // per token of the last step
};

class ForestModelTest : public ::testing::Test {
 protected:
  ForestModel Model(int64_t cache_rows = 1000, int64_t step = 1024) {
    return ForestModel(std::make_unique<AddingEngine>(calls_),
                       {.vocabulary_size = kVocabulary,
                        .maximum_length = 12,
                        .cache_bytes = cache_rows,
                        .tokens_per_step = step});
  }

  AddingEngine::Calls calls_;
};

const std::vector<int32_t> kOne = {1};
const std::vector<int32_t> kThree = {1, 2};
const std::vector<int32_t> kSix = {1, 2, 3};

TEST_F(ForestModelTest, AddsUpTheContinuation) {
  ForestModel model = Model();
  const std::vector<int32_t> greedy = {3, 6, 2};  // 3; 6; 12: the next is 4
  const std::vector<int32_t> other = {3, 7};
  const std::vector<ScoringRequest> requests = {
      {.context = kThree, .continuations = {greedy, other}, .wants_next = true},
      {.context = kOne, .continuations = {kOne}}};
  const auto scores = *model.Score(requests);
  // -(3 + 3) - (6 + 6) - (12 + 2)
  EXPECT_EQ(scores[0][0].log_likelihood, -32);
  EXPECT_TRUE(scores[0][0].greedy);
  EXPECT_EQ(scores[0][0].next, 4);
  EXPECT_EQ(scores[0][1].log_likelihood, -19);
  EXPECT_FALSE(scores[0][1].greedy);
  EXPECT_EQ(scores[0][1].next, -1);  // 13: a logit is NaN
  EXPECT_EQ(scores[1][0].log_likelihood, -2);
  EXPECT_TRUE(scores[1][0].greedy);
  EXPECT_EQ(scores[1][0].next, -1);
}

TEST_F(ForestModelTest, ComputesWhatIsSharedOnce) {
  ForestModel model = Model();
  const std::vector<ScoringRequest> requests = {
      {.context = kSix, .continuations = {kOne, kThree, kSix}},
      {.context = kThree, .continuations = {kSix}}};
  EXPECT_TRUE(model.Score(requests).ok());
  // 1 2 3 · 1 2 and 1 2 · 1 2: the last token of each is not computed.
  EXPECT_EQ(calls_.tokens, 3 + 2 + 2);
  EXPECT_THAT(calls_.kept, ElementsAre(false));
}

TEST_F(ForestModelTest, GivesTheSameInStepsAndInSeveralForests) {
  const std::vector<int32_t> long_one = {1, 2, 3, 4, 5, 1};
  const std::vector<ScoringRequest> requests = {
      {.context = kSix, .continuations = {kOne, kThree, kSix}},
      {.context = long_one, .continuations = {kSix, long_one}},
      {.context = kOne, .continuations = {long_one}, .wants_next = true}};
  const auto expected = *Model().Score(requests);
  for (const int64_t step : {1, 2, 5}) {
    for (const int64_t rows : {1, 12, 14, 1000}) {
      ForestModel model = Model(rows, step);
      const auto scores = *model.Score(requests);
      for (size_t i = 0; i < requests.size(); ++i) {
        for (size_t k = 0; k < expected[i].size(); ++k) {
          EXPECT_EQ(scores[i][k].log_likelihood, expected[i][k].log_likelihood);
          EXPECT_EQ(scores[i][k].greedy, expected[i][k].greedy);
          EXPECT_EQ(scores[i][k].next, expected[i][k].next);
        }
      }
    }
  }
}

TEST_F(ForestModelTest, WritesUntilToldOrUpToTheLimits) {
  const std::vector<int32_t> nine = {9};
  const std::vector<int32_t> thirteen = {6, 7};
  const std::vector<GenerationRequest> requests = {
      {kOne, 5},       // 1 2 4 8 6
      {kOne, 0},       //
      {kSix, 100},     // 6 2 4 8 6 2 4 8 6, then it has 12 tokens
      {nine, 100},     // 9 8 6 2, then told
      {thirteen, 5}};  // NaN at once
  for (const int64_t rows : {1, 24, 1000}) {
    ForestModel model = Model(rows, rows == 1 ? 2 : 1024);
    const auto written =
        *model.Generate(requests, [](size_t request, TokenIds tokens) {
          return request == 3 && tokens.size() == 4;
        });
    EXPECT_THAT(written[0], ElementsAre(1, 2, 4, 8, 6));
    EXPECT_THAT(written[1], IsEmpty());
    EXPECT_THAT(written[2], ElementsAre(6, 2, 4, 8, 6, 2, 4, 8, 6));
    EXPECT_THAT(written[3], ElementsAre(9, 8, 6, 2));
    EXPECT_THAT(written[4], IsEmpty());
  }
}

TEST_F(ForestModelTest, FinishedRowsLeaveTheBatch) {
  ForestModel model = Model();
  const std::vector<GenerationRequest> requests = {
      {kOne, 1}, {kThree, 3}, {kSix, 2}};
  EXPECT_TRUE(
      model.Generate(requests, [](size_t, TokenIds) { return false; }).ok());
  // The prompts share all but their ends.
  EXPECT_THAT(calls_.step_sizes, ElementsAre(3, 2, 1));
}

TEST_F(ForestModelTest, GivesTheLogitsBehindEachToken) {
  ForestModel model = Model(1000, 2);
  const std::vector<float> logits = *model.Logits(kSix);
  ASSERT_EQ(logits.size(), 30);
  EXPECT_EQ(logits[0], 1);
  EXPECT_EQ(logits[10], 3);
  EXPECT_EQ(logits[29], 6);
}

TEST_F(ForestModelTest, RefusesEmptySequences) {
  ForestModel model = Model();
  const std::vector<int32_t> none;
  EXPECT_EQ(model.Score({{{.context = none, .continuations = {kOne}}}})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(
      model.Score({{{.context = kOne, .continuations = {none}}}}).ok());
  EXPECT_FALSE(
      model.Generate({{{none, 1}}}, [](size_t, TokenIds) { return true; })
          .ok());
  EXPECT_THAT(*model.Score({}), IsEmpty());
}

}  // namespace
}  // namespace merganser
