#include "common/language_task/language_task.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/language_task/language_datapoints.h"

namespace merganser {
namespace {

// ASCII alone: lm-eval's rstrip() knows more, which texts hardly end with.
constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";

}  // namespace

absl::StatusOr<std::unique_ptr<LanguageTask>> LanguageTask::Create(
    const LanguageTaskDefinition& definition, const JsonlDataset& dataset,
    const JsonlDataset* examples, const LanguageTaskTools& tools) {
  switch (definition.kind) {
    case LanguageTaskKind::kExactMatch:
      return CreateExactMatch(definition, dataset, examples, tools);
    case LanguageTaskKind::kGeneration:
      return CreateGeneration(definition, dataset, examples, tools);
    case LanguageTaskKind::kMultipleChoice:
      return CreateMultipleChoice(definition, dataset, examples, tools);
    case LanguageTaskKind::kPerplexity:
      break;
  }
  return CreatePerplexity(definition, dataset, examples, tools);
}

std::string PackLanguageScores(ScoreKind kind,
                               std::span<const uint32_t> scores) {
  if (kind == ScoreKind::kContinuous) return PackScores(kind, scores);
  std::vector<uint32_t> bits(scores.size());
  std::transform(scores.begin(), scores.end(), bits.begin(),
                 [](uint32_t score) { return score / kScoreUnit; });
  return PackScores(kind, bits);
}

absl::Status ForEachDatapoint(const LanguageTaskDefinition& definition,
                              const JsonlDataset& dataset,
                              const JsonlDataset* examples,
                              const LanguageTaskTools& tools,
                              TakeDatapoint take) {
  ASSIGN_OR_RETURN(
      const DatapointTextMaker maker,
      DatapointTextMaker::Create(definition, examples, tools.render_chat));
  for (const JsonlRow& row : dataset.rows) {
    ASSIGN_OR_RETURN(const DatapointTexts texts, maker.Make(dataset, row));
    RETURN_IF_ERROR(Annotate(take(texts), PlaceOf(dataset, row)));
  }
  return absl::OkStatus();
}

absl::StatusOr<TokenPair> EncodePair(const TextCodec& codec,
                                     std::string_view context,
                                     std::string_view continuation,
                                     bool add_special_tokens,
                                     int32_t prefix_token) {
  const size_t length = context.find_last_not_of(kWhiteSpace) + 1;  // npos + 1
  const std::string moved =
      std::string(context.substr(length)) + std::string(continuation);
  context = context.substr(0, length);
  TokenPair pair;
  ASSIGN_OR_RETURN(pair.context, codec.Encode(context, add_special_tokens));
  ASSIGN_OR_RETURN(pair.continuation, codec.Encode(std::string(context) + moved,
                                                   add_special_tokens));
  const size_t given = std::min(pair.context.size(), pair.continuation.size());
  pair.continuation.erase(pair.continuation.begin(),
                          pair.continuation.begin() + given);
  if (pair.continuation.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a text that adds tokens to the prompt; got \"",
                     moved.substr(0, 80), "\""));
  }
  if (!pair.context.empty()) return pair;
  if (prefix_token < 0) {
    return absl::InvalidArgumentError(
        "the prompt is empty, and the tokenizer has no token to begin with");
  }
  pair.context.push_back(prefix_token);
  return pair;
}

absl::Status CheckLength(size_t prompt, size_t continuation,
                         int64_t maximum_length) {
  if (static_cast<int64_t>(prompt + continuation) <= maximum_length) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the prompt has ", prompt, " tokens, and ", continuation,
                   continuation == 1 ? " follows" : " follow",
                   "; the model takes ", maximum_length, " in all"));
}

absl::StatusOr<Continuations> Continue(LanguageModel& model,
                                       const ContinuationReader& reader,
                                       std::span<const TokenIds> prompts,
                                       int64_t maximum_new_tokens) {
  Continuations result{.tokens = {},
                       .complete = std::vector<bool>(prompts.size()),
                       .nan = std::vector<bool>(prompts.size())};
  std::vector<GenerationRequest> requests;
  for (const TokenIds prompt : prompts) {
    requests.push_back(
        {.prompt = prompt, .maximum_new_tokens = maximum_new_tokens});
  }
  absl::Status decoded;
  const auto is_complete = [&](size_t request, TokenIds tokens) {
    const auto complete = reader.IsComplete(prompts[request], tokens);
    decoded.Update(complete.status());
    result.complete[request] = complete.ok() && *complete;
    return !complete.ok() || *complete;
  };
  if (requests.empty()) return result;
  ASSIGN_OR_RETURN(result.tokens, model.Generate(requests, is_complete));
  RETURN_IF_ERROR(decoded);
  for (size_t i = 0; i < prompts.size(); ++i) {
    const auto written = static_cast<int64_t>(result.tokens[i].size());
    const auto given = static_cast<int64_t>(prompts[i].size());
    // Nothing else ends a continuation before its time.
    result.nan[i] = !result.complete[i] && written < maximum_new_tokens &&
                    given + written < model.maximum_length();
    result.saw_nan |= result.nan[i];
  }
  return result;
}

}  // namespace merganser
