#include "worker/tasks/metered_language_model.h"

#include <gtest/gtest.h>

#include "tests/http_client.h"

namespace merganser {
namespace {

// Writes as many tokens as it is asked for; refuses empty batches.
class FakeModel : public LanguageModel {
 public:
  int64_t vocabulary_size() const override { return 9; }
  int64_t maximum_length() const override { return 8; }
  std::span<uint8_t> parameters() override { return {}; }
  absl::Status LoadParameters() override { return absl::OkStatus(); }
  absl::StatusOr<std::vector<std::vector<ContinuationScore>>> Score(
      std::span<const ScoringRequest> requests) override {
    if (requests.empty()) return absl::InvalidArgumentError("empty");
    return std::vector<std::vector<ContinuationScore>>(requests.size());
  }
  absl::StatusOr<std::vector<std::vector<int32_t>>> Generate(
      std::span<const GenerationRequest> requests, IsComplete) override {
    if (requests.empty()) return absl::InvalidArgumentError("empty");
    std::vector<std::vector<int32_t>> texts;
    for (const GenerationRequest& request : requests) {
      texts.emplace_back(static_cast<size_t>(request.maximum_new_tokens));
    }
    return texts;
  }
  absl::StatusOr<std::vector<float>> Logits(TokenIds) override {
    return std::vector<float>{};
  }
};

class MeteredLanguageModelTest : public ::testing::Test {
 protected:
  double Value(const char* name) {
    return ParseMetrics(registry_.Text()).at(name);
  }

  MetricRegistry registry_;
  MeteredLanguageModel model_{
      std::make_unique<FakeModel>(),
      registry_.AddCounter({"read_total", "Read."}),
      registry_.AddCounter({"written_total", "Wrote."})};
};

TEST_F(MeteredLanguageModelTest, CountsContextsAndContinuations) {
  const int32_t tokens[] = {1, 2, 3, 4, 5};
  const TokenIds all(tokens);
  const ScoringRequest requests[] = {
      {.context = all, .continuations = {all.first(2), all.first(1)}},
      {.context = all.first(3), .continuations = {all.first(4)}}};
  ASSERT_TRUE(model_.Score(requests).ok());
  EXPECT_EQ(Value("read_total"), 5 + 2 + 1 + 3 + 4);
  EXPECT_EQ(Value("written_total"), 0);
}

TEST_F(MeteredLanguageModelTest, CountsPromptsAndWhatIsWritten) {
  const int32_t tokens[] = {1, 2, 3};
  const GenerationRequest requests[] = {
      {.prompt = tokens, .maximum_new_tokens = 7},
      {.prompt = TokenIds(tokens).first(1), .maximum_new_tokens = 2}};
  ASSERT_TRUE(
      model_.Generate(requests, [](size_t, TokenIds) { return false; }).ok());
  EXPECT_EQ(Value("read_total"), 4);
  EXPECT_EQ(Value("written_total"), 9);
}

TEST_F(MeteredLanguageModelTest, CountsNothingOfACallThatFails) {
  EXPECT_FALSE(model_.Score({}).ok());
  EXPECT_FALSE(
      model_.Generate({}, [](size_t, TokenIds) { return false; }).ok());
  EXPECT_EQ(Value("read_total"), 0);
}

}  // namespace
}  // namespace merganser
