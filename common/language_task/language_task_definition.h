// A task of language models as plain data: TaskSpec of campaign.proto, parsed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/language_task/answer_extractor.h"
#include "common/language_task/text_template.h"
#include "common/storage/jsonl_dataset.h"

namespace merganser {

enum class LanguageTaskKind {
  kExactMatch,
  kGeneration,
  kMultipleChoice,
  kPerplexity,
};

// The fields of a multiple-choice datapoint that no template names.
inline constexpr char kChoicesField[] = "choices";
inline constexpr char kAnswerIndexField[] = "answer_index";

struct LanguageTaskDefinition {
  LanguageTaskKind kind = LanguageTaskKind::kExactMatch;
  TextTemplate prompt;
  // The right answer; multiple choice: the right choice's text, or, where
  // `has_answer` is false, kAnswerIndexField says which it is.
  TextTemplate answer;
  bool has_answer = true;
  bool chat = false;
  std::string system;
  int64_t max_new_tokens = 256;
  std::vector<std::string> stops;
  AnswerExtractor extractor = AnswerExtractor::Exact();
  bool by_length = false;  // multiple choice
  int64_t window = 0;      // perplexity; 0: as many as the model takes
};

// The fields that every datapoint of the task needs.
std::vector<JsonlField> FieldsOf(const LanguageTaskDefinition& task);

}  // namespace merganser
