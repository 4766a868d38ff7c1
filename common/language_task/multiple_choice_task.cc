#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "common/base/status_macros.h"
#include "common/language_task/language_datapoints.h"

namespace merganser {
namespace {

// Unicode code points of a UTF-8 text.
double CountCharacters(std::string_view text) {
  return static_cast<double>(std::count_if(
      text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

class MultipleChoiceTask : public LanguageTask {
 public:
  explicit MultipleChoiceTask(bool by_length) : by_length_(by_length) {}

  absl::Status Add(const DatapointTexts& texts,
                   const LanguageTaskDefinition& definition,
                   const LanguageTaskTools& tools) {
    Item item{.context = {}, .choices = {}, .right = texts.right_choice};
    for (const std::string& text : texts.choices) {
      ASSIGN_OR_RETURN(TokenPair pair,
                       EncodePair(*tools.codec, texts.prompt, text,
                                  !definition.chat, tools.prefix_token));
      RETURN_IF_ERROR(CheckLength(pair.context.size(), pair.continuation.size(),
                                  tools.maximum_length));
      item.context = std::move(pair.context);  // the same for all choices
      item.choices.push_back({.tokens = std::move(pair.continuation),
                              .characters = CountCharacters(text),
                              .text = text});
    }
    items_.push_back(std::move(item));
    return absl::OkStatus();
  }

  int64_t datapoints() const override {
    return static_cast<int64_t>(items_.size());
  }

  absl::StatusOr<LanguageScores> Score(LanguageModel& model,
                                       std::span<const uint32_t> datapoints,
                                       bool wants_outputs) const override {
    std::vector<ScoringRequest> requests;
    for (const uint32_t datapoint : datapoints) {
      const Item& item = items_[datapoint];
      ScoringRequest& request =
          requests.emplace_back(ScoringRequest{.context = item.context});
      for (const Choice& choice : item.choices) {
        request.continuations.emplace_back(choice.tokens);
      }
    }
    ASSIGN_OR_RETURN(const auto scored, model.Score(requests));
    LanguageScores result;
    for (size_t i = 0; i < datapoints.size(); ++i) {
      const Item& item = items_[datapoints[i]];
      const auto pick = Pick(item, scored[i]);
      result.saw_nan |= !pick.has_value();
      result.scores.push_back(pick == item.right ? kScoreUnit : 0);
      if (wants_outputs) {
        result.outputs.push_back(
            {.text = pick.has_value() ? item.choices[*pick].text : "",
             .token_ids = {}});
      }
    }
    return result;
  }

 private:
  struct Choice {
    Tokens tokens;
    double characters = 0;
    std::string text;
  };
  struct Item {
    Tokens context;
    std::vector<Choice> choices;
    size_t right = 0;
  };

  // The likeliest choice, the first on ties; nullopt where one is NaN.
  std::optional<size_t> Pick(const Item& item,
                             std::span<const ContinuationScore> scores) const {
    size_t best = 0;
    double best_worth = 0;
    for (size_t i = 0; i < scores.size(); ++i) {
      const double worth = scores[i].log_likelihood /
                           (by_length_ ? item.choices[i].characters : 1.0);
      if (std::isnan(worth)) return std::nullopt;
      if (i > 0 && worth <= best_worth) continue;
      best = i;
      best_worth = worth;
    }
    return best;
  }

  const bool by_length_;
  std::vector<Item> items_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LanguageTask>> CreateMultipleChoice(
    const LanguageTaskDefinition& definition, const JsonlDataset& dataset,
    const JsonlDataset* examples, const LanguageTaskTools& tools) {
  auto task = std::make_unique<MultipleChoiceTask>(definition.by_length);
  RETURN_IF_ERROR(ForEachDatapoint(definition, dataset, examples, tools,
                                   [&](const DatapointTexts& texts) {
                                     return task->Add(texts, definition, tools);
                                   }));
  return task;
}

}  // namespace merganser
