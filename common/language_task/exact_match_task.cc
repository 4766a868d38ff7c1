#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/language_task/language_datapoints.h"
#include "common/language_task/stop_texts.h"

namespace merganser {
namespace {

class ExactMatchTask : public LanguageTask {
 public:
  ExactMatchTask(const LanguageTaskDefinition& definition,
                 const LanguageTaskTools& tools)
      : maximum_new_tokens_(definition.max_new_tokens),
        reader_(*tools.codec, tools.end_tokens, definition.stops) {}

  absl::Status Add(const DatapointTexts& texts,
                   const LanguageTaskDefinition& definition,
                   const LanguageTaskTools& tools);
  int64_t datapoints() const override {
    return static_cast<int64_t>(items_.size());
  }
  absl::StatusOr<LanguageScores> Score(LanguageModel& model,
                                       std::span<const uint32_t> datapoints,
                                       bool wants_outputs) const override;

 private:
  struct Item {
    Tokens prompt;
    // Empty: the tokens of prompt and answer together do not begin with the
    // prompt's, so that only decoding tells.
    Tokens answer;
    std::string text;  // the answer as its tokens are read
  };
  enum class Verdict { kHit, kMiss, kUndecided, kNan };

  absl::Status CheckAnswer(const Item& item, int64_t maximum_length) const;
  absl::StatusOr<Verdict> Judge(const Item& item,
                                const ContinuationScore& score) const;
  // By the token behind the answer, which is none of the end.
  absl::StatusOr<Verdict> JudgeByStops(const Item& item, int32_t next) const;
  absl::StatusOr<std::vector<Verdict>> JudgeInOnePass(
      LanguageModel& model, std::span<const uint32_t> datapoints) const;
  // Decides those that are undecided.
  absl::Status JudgeByDecoding(LanguageModel& model,
                               std::span<const uint32_t> datapoints,
                               std::vector<Verdict>& verdicts) const;
  absl::Status AddOutputs(LanguageModel& model,
                          std::span<const uint32_t> datapoints,
                          LanguageScores& result) const;

  const int64_t maximum_new_tokens_;
  const ContinuationReader reader_;
  std::vector<Item> items_;
};

absl::Status ExactMatchTask::Add(const DatapointTexts& texts,
                                 const LanguageTaskDefinition& definition,
                                 const LanguageTaskTools& tools) {
  const bool add_special_tokens = !definition.chat;
  Item item{.prompt = {}, .answer = {}, .text = texts.answer};
  ASSIGN_OR_RETURN(item.prompt,
                   tools.codec->Encode(texts.prompt, add_special_tokens));
  ASSIGN_OR_RETURN(Tokens both, tools.codec->Encode(texts.prompt + texts.answer,
                                                    add_special_tokens));
  if (item.prompt.empty()) {
    return absl::InvalidArgumentError("the prompt has no tokens");
  }
  const size_t given = item.prompt.size();
  if (both.size() > given &&
      std::equal(item.prompt.begin(), item.prompt.end(), both.begin())) {
    item.answer.assign(both.begin() + given, both.end());
    ASSIGN_OR_RETURN(item.text, reader_.Text(item.prompt, item.answer));
  }
  RETURN_IF_ERROR(CheckAnswer(item, tools.maximum_length));
  items_.push_back(std::move(item));
  return absl::OkStatus();
}

absl::Status ExactMatchTask::CheckAnswer(const Item& item,
                                         int64_t maximum_length) const {
  if (item.text.empty()) {
    return absl::InvalidArgumentError("expected an answer; got an empty one");
  }
  if (std::any_of(item.answer.begin(), item.answer.end(),
                  [this](int32_t token) { return reader_.IsEnd(token); })) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected an answer without an end token in it; got \"",
                     item.text.substr(0, 80), "\""));
  }
  const size_t stop = FindStop(item.text, reader_.stops());
  if (stop != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected an answer without a stop in it, which no model can write; "
        "there is one at byte ",
        stop, " of \"", item.text.substr(0, 80), "\""));
  }
  if (static_cast<int64_t>(item.answer.size()) > maximum_new_tokens_) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the answer has ", item.answer.size(),
        " tokens; expected at most max_new_tokens, ", maximum_new_tokens_));
  }
  return CheckLength(item.prompt.size(),
                     std::max<size_t>(item.answer.size(), 1), maximum_length);
}

absl::StatusOr<ExactMatchTask::Verdict> ExactMatchTask::Judge(
    const Item& item, const ContinuationScore& score) const {
  if (std::isnan(score.log_likelihood)) return Verdict::kNan;
  if (!score.greedy) return Verdict::kMiss;
  if (score.next < 0) return Verdict::kNan;
  if (reader_.IsEnd(score.next)) return Verdict::kHit;
  return JudgeByStops(item, score.next);
}

absl::StatusOr<ExactMatchTask::Verdict> ExactMatchTask::JudgeByStops(
    const Item& item, int32_t next) const {
  if (reader_.stops().empty()) return Verdict::kMiss;
  Tokens tokens = item.answer;
  tokens.push_back(next);
  ASSIGN_OR_RETURN(const std::string text, reader_.Text(item.prompt, tokens));
  const size_t stop = FindStop(text, reader_.stops());
  if (stop != std::string::npos) {
    return stop == item.text.size() && text.starts_with(item.text)
               ? Verdict::kHit
               : Verdict::kMiss;
  }
  // Part of a character may change what it follows on.
  if (!text.starts_with(item.text)) return Verdict::kUndecided;
  return MayBecomeStop(text.substr(item.text.size()), reader_.stops())
             ? Verdict::kUndecided
             : Verdict::kMiss;
}

absl::StatusOr<std::vector<ExactMatchTask::Verdict>>
ExactMatchTask::JudgeInOnePass(LanguageModel& model,
                               std::span<const uint32_t> datapoints) const {
  std::vector<Verdict> verdicts(datapoints.size(), Verdict::kUndecided);
  std::vector<ScoringRequest> requests;
  std::vector<size_t> asked;
  for (size_t i = 0; i < datapoints.size(); ++i) {
    const Item& item = items_[datapoints[i]];
    if (item.answer.empty()) continue;
    requests.push_back({.context = item.prompt,
                        .continuations = {item.answer},
                        .wants_next = true});
    asked.push_back(i);
  }
  if (requests.empty()) return verdicts;
  ASSIGN_OR_RETURN(const auto scored, model.Score(requests));
  for (size_t i = 0; i < asked.size(); ++i) {
    ASSIGN_OR_RETURN(verdicts[asked[i]],
                     Judge(items_[datapoints[asked[i]]], scored[i][0]));
  }
  return verdicts;
}

absl::Status ExactMatchTask::JudgeByDecoding(
    LanguageModel& model, std::span<const uint32_t> datapoints,
    std::vector<Verdict>& verdicts) const {
  std::vector<TokenIds> prompts;
  std::vector<size_t> asked;
  for (size_t i = 0; i < datapoints.size(); ++i) {
    if (verdicts[i] != Verdict::kUndecided) continue;
    prompts.emplace_back(items_[datapoints[i]].prompt);
    asked.push_back(i);
  }
  // The answer's tokens, and those of the stop behind it.
  const auto most =
      maximum_new_tokens_ +
      std::max<int64_t>(1, static_cast<int64_t>(LongestStop(reader_.stops())));
  ASSIGN_OR_RETURN(const Continuations written,
                   Continue(model, reader_, prompts, most));
  for (size_t i = 0; i < asked.size(); ++i) {
    ASSIGN_OR_RETURN(const std::string text,
                     reader_.FinishedText(prompts[i], written.tokens[i]));
    const bool right =
        written.complete[i] && text == items_[datapoints[asked[i]]].text;
    verdicts[asked[i]] = written.nan[i] ? Verdict::kNan
                         : right        ? Verdict::kHit
                                        : Verdict::kMiss;
  }
  return absl::OkStatus();
}

absl::Status ExactMatchTask::AddOutputs(LanguageModel& model,
                                        std::span<const uint32_t> datapoints,
                                        LanguageScores& result) const {
  std::vector<TokenIds> prompts;
  for (const uint32_t datapoint : datapoints) {
    prompts.emplace_back(items_[datapoint].prompt);
  }
  ASSIGN_OR_RETURN(const Continuations written,
                   Continue(model, reader_, prompts, maximum_new_tokens_));
  for (size_t i = 0; i < datapoints.size(); ++i) {
    ASSIGN_OR_RETURN(std::string text,
                     reader_.FinishedText(prompts[i], written.tokens[i]));
    result.outputs.push_back(
        {.text = std::move(text), .token_ids = written.tokens[i]});
  }
  return absl::OkStatus();
}

absl::StatusOr<LanguageScores> ExactMatchTask::Score(
    LanguageModel& model, std::span<const uint32_t> datapoints,
    bool wants_outputs) const {
  ASSIGN_OR_RETURN(std::vector<Verdict> verdicts,
                   JudgeInOnePass(model, datapoints));
  RETURN_IF_ERROR(JudgeByDecoding(model, datapoints, verdicts));
  LanguageScores result;
  for (const Verdict verdict : verdicts) {
    result.scores.push_back(verdict == Verdict::kHit ? kScoreUnit : 0);
    result.saw_nan |= verdict == Verdict::kNan;
  }
  if (wants_outputs) RETURN_IF_ERROR(AddOutputs(model, datapoints, result));
  return result;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LanguageTask>> CreateExactMatch(
    const LanguageTaskDefinition& definition, const JsonlDataset& dataset,
    const JsonlDataset* examples, const LanguageTaskTools& tools) {
  auto task = std::make_unique<ExactMatchTask>(definition, tools);
  RETURN_IF_ERROR(ForEachDatapoint(definition, dataset, examples, tools,
                                   [&](const DatapointTexts& texts) {
                                     return task->Add(texts, definition, tools);
                                   }));
  return task;
}

}  // namespace merganser
