// What a model is given: examples in front, then the prompt.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/huggingface/chat_template.h"

namespace merganser {

// A prompt with its right answer.
struct PromptExample {
  std::string prompt;
  std::string answer;
};

// Each example as prompt, answer and an empty line, then the prompt.
std::string PlainPrompt(std::span<const PromptExample> examples,
                        const std::string& prompt);

// The system's message unless `system` is empty, each example as a user's
// message and the assistant's, then the prompt as the user's.
std::vector<ChatMessage> ChatPrompt(const std::string& system,
                                    std::span<const PromptExample> examples,
                                    const std::string& prompt);

}  // namespace merganser
