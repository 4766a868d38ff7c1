#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/language_task/language_datapoints.h"
#include "common/language_task/rolling_windows.h"

namespace merganser {
namespace {

// exp(log_likelihood / tokens) in units; 0 for NaN.
uint32_t ScoreOf(double log_likelihood, size_t tokens) {
  const double score =
      std::exp(log_likelihood / static_cast<double>(tokens)) * kScoreUnit;
  if (std::isnan(score)) return 0;
  return static_cast<uint32_t>(
      std::lround(std::min<double>(score, kScoreUnit)));
}

class PerplexityTask : public LanguageTask {
 public:
  PerplexityTask(size_t window, int32_t prefix_token)
      : window_(window), prefix_token_(prefix_token) {}

  absl::Status Add(const DatapointTexts& texts,
                   const LanguageTaskTools& tools) {
    // Some tokenizers make tokens of nothing.
    if (texts.prompt.empty()) {
      return absl::InvalidArgumentError("expected a text; got an empty one");
    }
    ASSIGN_OR_RETURN(Tokens tokens, tools.codec->Encode(texts.prompt, true));
    if (tokens.empty()) {
      return absl::InvalidArgumentError("the text has no tokens");
    }
    tokens.insert(tokens.begin(), prefix_token_);
    documents_.push_back(std::move(tokens));
    return absl::OkStatus();
  }

  int64_t datapoints() const override {
    return static_cast<int64_t>(documents_.size());
  }

  absl::StatusOr<LanguageScores> Score(LanguageModel& model,
                                       std::span<const uint32_t> datapoints,
                                       bool wants_outputs) const override {
    std::vector<ScoringRequest> requests;
    for (const uint32_t datapoint : datapoints) {
      const TokenIds tokens = documents_[datapoint];
      for (const auto& window : RollingWindows(tokens.size() - 1, window_)) {
        requests.push_back({.context = tokens.subspan(
                                window.context, window.begin - window.context),
                            .continuations = {tokens.subspan(
                                window.begin, window.end - window.begin)}});
      }
    }
    ASSIGN_OR_RETURN(const auto scored, model.Score(requests));
    LanguageScores result;
    size_t next = 0;
    for (const uint32_t datapoint : datapoints) {
      const size_t tokens = documents_[datapoint].size() - 1;
      const size_t windows = (tokens + window_ - 1) / window_;
      double log_likelihood = 0;
      for (size_t i = 0; i < windows; ++i, ++next) {
        log_likelihood += scored[next][0].log_likelihood;
      }
      result.saw_nan |= std::isnan(log_likelihood);
      result.scores.push_back(ScoreOf(log_likelihood, tokens));
      if (wants_outputs) {
        result.outputs.push_back({.text = {},
                                  .token_ids = {},
                                  .log_likelihood = log_likelihood,
                                  .tokens = static_cast<int64_t>(tokens)});
      }
    }
    return result;
  }

 private:
  const size_t window_;
  const int32_t prefix_token_;
  std::vector<Tokens> documents_;  // each behind the prefix token
};

}  // namespace

absl::StatusOr<std::unique_ptr<LanguageTask>> CreatePerplexity(
    const LanguageTaskDefinition& definition, const JsonlDataset& dataset,
    const JsonlDataset* examples, const LanguageTaskTools& tools) {
  if (tools.prefix_token < 0) {
    return absl::InvalidArgumentError(
        "kind: perplexity needs a tokenizer with a beginning-of-text or an "
        "end-of-text token");
  }
  // With the token in front of the predicted ones.
  const int64_t most = tools.maximum_length - 1;
  const int64_t window = definition.window == 0 ? most : definition.window;
  if (window < 1 || window > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("window: expected at most ", most,
                     ", one less than the model takes; got ", window));
  }
  auto task = std::make_unique<PerplexityTask>(static_cast<size_t>(window),
                                               tools.prefix_token);
  RETURN_IF_ERROR(ForEachDatapoint(
      definition, dataset, examples, tools,
      [&](const DatapointTexts& texts) { return task->Add(texts, tools); }));
  return task;
}

}  // namespace merganser
