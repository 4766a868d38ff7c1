// What language tasks need of a Hugging Face folder beside its weights.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/checkpoint/checkpoint.h"
#include "worker/tasks/language_task.h"

namespace merganser {

// Threads: immutable after creation; safe to share.
struct LanguageTools {
  std::unique_ptr<const TextCodec> codec;
  LanguageTaskTools tools;  // of that codec
};

// Opens the tokenizer and, if there is one, the chat template. The token in
// front of a text is the generation settings' beginning, else the first of
// their ends.
// Errors: those of Tokenizer::Open() and ChatTemplate::OpenFolder().
absl::StatusOr<LanguageTools> OpenLanguageTools(const Checkpoint& checkpoint,
                                                int64_t maximum_length);

}  // namespace merganser
