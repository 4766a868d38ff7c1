#include "common/language_task/prompt_assembly.h"

#include <gtest/gtest.h>

namespace merganser {
namespace {

const std::vector<PromptExample> kExamples = {{"Q: 1+1\nA:", " 2"},
                                              {"Q: 2+2\nA:", " 4"}};

TEST(PromptAssemblyTest, ExamplesStandInFront) {
  EXPECT_EQ(PlainPrompt(kExamples, "Q: 3+3\nA:"),
            "Q: 1+1\nA: 2\n\nQ: 2+2\nA: 4\n\nQ: 3+3\nA:");
  EXPECT_EQ(PlainPrompt({}, "x"), "x");
}

std::string Joined(const std::vector<ChatMessage>& messages) {
  std::string text;
  for (const ChatMessage& message : messages) {
    text += message.role + "=" + message.content + ";";
  }
  return text;
}

TEST(PromptAssemblyTest, MessagesTakeTurns) {
  EXPECT_EQ(Joined(ChatPrompt("Be brief.", {kExamples.data(), 1}, "x")),
            "system=Be brief.;user=Q: 1+1\nA:;assistant= 2;user=x;");
  EXPECT_EQ(Joined(ChatPrompt("", {}, "x")), "user=x;");
}

}  // namespace
}  // namespace merganser
