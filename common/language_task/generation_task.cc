#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/language_task/language_datapoints.h"

namespace merganser {
namespace {

class GenerationTask : public LanguageTask {
 public:
  GenerationTask(const LanguageTaskDefinition& definition,
                 const LanguageTaskTools& tools)
      : extractor_(definition.extractor),
        maximum_new_tokens_(definition.max_new_tokens),
        reader_(*tools.codec, tools.end_tokens, definition.stops) {}

  absl::Status Add(const DatapointTexts& texts,
                   const LanguageTaskDefinition& definition,
                   const LanguageTaskTools& tools) {
    Item item;
    ASSIGN_OR_RETURN(item.prompt,
                     tools.codec->Encode(texts.prompt, !definition.chat));
    if (item.prompt.empty()) {
      return absl::InvalidArgumentError("the prompt has no tokens");
    }
    RETURN_IF_ERROR(CheckLength(item.prompt.size(), 1, tools.maximum_length));
    auto right = extractor_.Extract(texts.answer);
    if (!right.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("extract: finds nothing in the right answer, \"",
                       texts.answer.substr(0, 80), "\""));
    }
    item.right = *std::move(right);
    items_.push_back(std::move(item));
    return absl::OkStatus();
  }

  int64_t datapoints() const override {
    return static_cast<int64_t>(items_.size());
  }

  absl::StatusOr<LanguageScores> Score(LanguageModel& model,
                                       std::span<const uint32_t> datapoints,
                                       bool wants_outputs) const override {
    std::vector<TokenIds> prompts;
    for (const uint32_t datapoint : datapoints) {
      prompts.emplace_back(items_[datapoint].prompt);
    }
    ASSIGN_OR_RETURN(const Continuations written,
                     Continue(model, reader_, prompts, maximum_new_tokens_));
    LanguageScores result{.scores = {}, .saw_nan = written.saw_nan};
    for (size_t i = 0; i < datapoints.size(); ++i) {
      ASSIGN_OR_RETURN(std::string text,
                       reader_.FinishedText(prompts[i], written.tokens[i]));
      const bool right = !written.nan[i] && extractor_.Extract(text) ==
                                                items_[datapoints[i]].right;
      result.scores.push_back(right ? kScoreUnit : 0);
      if (!wants_outputs) continue;
      result.outputs.push_back(
          {.text = std::move(text), .token_ids = written.tokens[i]});
    }
    return result;
  }

 private:
  struct Item {
    Tokens prompt;
    std::string right;  // extracted
  };

  const AnswerExtractor extractor_;
  const int64_t maximum_new_tokens_;
  const ContinuationReader reader_;
  std::vector<Item> items_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LanguageTask>> CreateGeneration(
    const LanguageTaskDefinition& definition, const JsonlDataset& dataset,
    const JsonlDataset* examples, const LanguageTaskTools& tools) {
  auto task = std::make_unique<GenerationTask>(definition, tools);
  RETURN_IF_ERROR(ForEachDatapoint(definition, dataset, examples, tools,
                                   [&](const DatapointTexts& texts) {
                                     return task->Add(texts, definition, tools);
                                   }));
  return task;
}

}  // namespace merganser
