#include "common/language_task/prompt_assembly.h"

#include "absl/strings/str_cat.h"

namespace merganser {

std::string PlainPrompt(std::span<const PromptExample> examples,
                        const std::string& prompt) {
  std::string text;
  for (const PromptExample& example : examples) {
    absl::StrAppend(&text, example.prompt, example.answer, "\n\n");
  }
  return text + prompt;
}

std::vector<ChatMessage> ChatPrompt(const std::string& system,
                                    std::span<const PromptExample> examples,
                                    const std::string& prompt) {
  std::vector<ChatMessage> messages;
  if (!system.empty()) messages.push_back({"system", system});
  for (const PromptExample& example : examples) {
    messages.push_back({"user", example.prompt});
    messages.push_back({"assistant", example.answer});
  }
  messages.push_back({"user", prompt});
  return messages;
}

}  // namespace merganser
