// A language task's datapoints as text, before any tokens.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/huggingface/chat_template.h"
#include "common/language_task/language_task_definition.h"
#include "common/language_task/prompt_assembly.h"
#include "common/storage/jsonl_dataset.h"

namespace merganser {

// The prompt of a conversation, up to where the assistant writes.
using RenderChat =
    std::function<absl::StatusOr<std::string>(std::span<const ChatMessage>)>;

struct DatapointTexts {
  std::string prompt;  // examples and chat template included
  // The right answer, or the right choice; empty for perplexity.
  std::string answer;
  std::vector<std::string> choices;  // multiple choice
  size_t right_choice = 0;           // index into choices
};

// Threads: immutable after creation; safe to share if `render_chat` is.
class DatapointTextMaker {
 public:
  // `task` is borrowed. `examples`, null if there are none, has the fields
  // FieldsOf(task). `render_chat` is empty where the tokenizer has no chat
  // template.
  // Errors: InvalidArgument for an example that does not fit, "file:line: …",
  // or a chat task without a template.
  static absl::StatusOr<DatapointTextMaker> Create(
      const LanguageTaskDefinition& task, const JsonlDataset* examples,
      RenderChat render_chat);

  // `row` is one of `dataset`, which has the fields FieldsOf(task).
  // Errors: InvalidArgument "file:line: what was expected".
  absl::StatusOr<DatapointTexts> Make(const JsonlDataset& dataset,
                                      const JsonlRow& row) const;

 private:
  DatapointTextMaker(const LanguageTaskDefinition& task, RenderChat render_chat)
      : task_(&task), render_chat_(std::move(render_chat)) {}

  const LanguageTaskDefinition* task_;
  RenderChat render_chat_;
  std::vector<PromptExample> examples_;
};

}  // namespace merganser
