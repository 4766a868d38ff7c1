// What language tasks need of a Hugging Face folder beside its weights.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/checkpoint/checkpoint.h"
#include "common/huggingface/tokenizer.h"
#include "common/language_task/language_task.h"

namespace merganser {

// Whether the model has an embedding for every token of its tokenizer.
// Errors: InvalidArgument with the tokenizer's path.
absl::Status CheckTokenizerFits(const Tokenizer& tokenizer,
                                const Checkpoint& checkpoint);

// Threads: immutable after creation; safe to share.
struct LanguageTools {
  std::unique_ptr<const TextCodec> codec;
  LanguageTaskTools tools;  // of that codec
};

// Opens the tokenizer and, if there is one, the chat template. The token in
// front of a text is, as in lm-eval, the bos_token of tokenizer_config.json,
// else its eos_token; where it names neither, that of the generation settings.
// Errors: those of Tokenizer::Open() and ChatTemplate::OpenFolder();
// InvalidArgument for a tokenizer_config.json that is no JSON object.
absl::StatusOr<LanguageTools> OpenLanguageTools(const Checkpoint& checkpoint,
                                                int64_t maximum_length);

}  // namespace merganser
