// Parts of the language tasks; include language_task.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/language_task/continuation_text.h"
#include "common/language_task/language_task.h"

namespace merganser {

using Tokens = std::vector<int32_t>;

// Takes the texts of one datapoint.
using TakeDatapoint =
    absl::FunctionRef<absl::Status(const DatapointTexts& texts)>;

// Calls `take` for each row of the dataset; its errors get the place in front.
absl::Status ForEachDatapoint(const LanguageTaskDefinition& definition,
                              const JsonlDataset& dataset,
                              const JsonlDataset* examples,
                              const LanguageTaskTools& tools,
                              TakeDatapoint take);

// A context and what follows it, in tokens.
struct TokenPair {
  Tokens context;
  Tokens continuation;
};

// As lm-eval has it: white space at the end of the context belongs to the
// continuation, whose tokens are those of both texts together behind as many as
// the context has. A context without tokens becomes `prefix_token`.
// Source: TemplateLM._encode_pair of lm-eval 0.4.
// Errors: InvalidArgument for a continuation without tokens, or a context
// without any where there is no prefix token.
absl::StatusOr<TokenPair> EncodePair(const TextCodec& codec,
                                     std::string_view context,
                                     std::string_view continuation,
                                     bool add_special_tokens,
                                     int32_t prefix_token);

// Errors: InvalidArgument unless prompt and continuation fit into the model.
absl::Status CheckLength(size_t prompt, size_t continuation,
                         int64_t maximum_length);

// Continuations of some datapoints.
struct Continuations {
  std::vector<Tokens> tokens;  // per prompt
  std::vector<bool> complete;  // per prompt: by an end or a stop
  std::vector<bool> nan;       // per prompt: a logit was, which ended it
  bool saw_nan = false;        // any of them
};

// Greedy continuations, each up to its end, a stop, the most tokens, or the
// model's length.
absl::StatusOr<Continuations> Continue(LanguageModel& model,
                                       const ContinuationReader& reader,
                                       std::span<const TokenIds> prompts,
                                       int64_t maximum_new_tokens);

// The kinds.
absl::StatusOr<std::unique_ptr<LanguageTask>> CreateExactMatch(
    const LanguageTaskDefinition& definition, const JsonlDataset& dataset,
    const JsonlDataset* examples, const LanguageTaskTools& tools);
absl::StatusOr<std::unique_ptr<LanguageTask>> CreateGeneration(
    const LanguageTaskDefinition& definition, const JsonlDataset& dataset,
    const JsonlDataset* examples, const LanguageTaskTools& tools);
absl::StatusOr<std::unique_ptr<LanguageTask>> CreateMultipleChoice(
    const LanguageTaskDefinition& definition, const JsonlDataset& dataset,
    const JsonlDataset* examples, const LanguageTaskTools& tools);
absl::StatusOr<std::unique_ptr<LanguageTask>> CreatePerplexity(
    const LanguageTaskDefinition& definition, const JsonlDataset& dataset,
    const JsonlDataset* examples, const LanguageTaskTools& tools);

}  // namespace merganser
