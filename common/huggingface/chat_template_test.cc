#include "common/huggingface/chat_template.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/huggingface/tokenizer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::string kData = MERGANSER_SOURCE_DIR "/tests/data/llm/";

std::vector<ChatMessage> MessagesOf(const json& messages) {
  std::vector<ChatMessage> list;
  for (const json& message : messages) {
    list.push_back({message["role"], message["content"]});
  }
  return list;
}

// The expected values are those of transformers.
TEST(ChatTemplateTest, EveryCaseIsRenderedAsTransformersDoes) {
  std::ifstream file(kData + "tokenizer_cases.json");
  const json all = json::parse(file);
  int rendered = 0;
  for (const auto& [kind, expected] : all["tokenizers"].items()) {
    if (!expected.contains("chat") || expected["chat"].empty()) continue;
    const std::string folder = kData + "tokenizers/" + kind;
    const auto chat = ChatTemplate::OpenFolder(folder);
    ASSERT_TRUE(chat.ok()) << chat.status();
    const auto tokenizer = Tokenizer::Open(folder + "/tokenizer.json");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    for (const json& one : expected["chat"]) {
      const auto text = chat->Render(MessagesOf(one["messages"]),
                                     one["add_generation_prompt"]);
      if (one["rendered"].is_null()) {
        EXPECT_EQ(text.status().code(), absl::StatusCode::kInvalidArgument);
        EXPECT_THAT(std::string(text.status().message()),
                    HasSubstr(one["error"].get<std::string>()));
        continue;
      }
      ASSERT_TRUE(text.ok()) << text.status();
      EXPECT_EQ(*text, one["rendered"].get<std::string>()) << kind;
      EXPECT_EQ(*(*tokenizer)->Encode(*text, false),
                one["ids"].get<std::vector<int32_t>>());
      ++rendered;
    }
  }
  EXPECT_GT(rendered, 10);
}

absl::StatusOr<std::string> Render(const std::string& source,
                                   const std::vector<ChatMessage>& messages) {
  const auto chat =
      ChatTemplate::Create(source, "here", {{"bos_token", "<s>"}});
  if (!chat.ok()) return chat.status();
  return chat->Render(messages, true);
}

TEST(ChatTemplateTest, WhatTemplatesInTheWildUseIsThere) {
  const std::vector<ChatMessage> user = {{"user", " <a> & \"b\"\n"}};
  EXPECT_EQ(
      *Render("{{ bos_token }}{{ messages[0]['content'].strip() }}", user),
      "<s><a> & \"b\"");
  EXPECT_EQ(*Render("{{ messages[0] | tojson }}", user),
            "{\"role\": \"user\", \"content\": \" <a> & \\\"b\\\"\\n\"}");
  EXPECT_EQ(*Render("{% for m in messages %}\n  {% if m.role == 'user' %}\n"
                    "U\n  {% break %}\n{% endif %}\n{% endfor %}",
                    user),
            "U\n");
  EXPECT_EQ(*Render("{% set ns = namespace(n=0) %}{% for m in messages %}"
                    "{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
                    user),
            "1");
  EXPECT_EQ(*Render("{{ 'x' if tools is none else 'y' }}", user), "x");
}

TEST(ChatTemplateTest, FailuresSayWhatTheTemplateSays) {
  EXPECT_THAT(
      std::string(
          Render("{{ raise_exception('only users') }}", {}).status().message()),
      ::testing::StrEq("here: only users"));
  const auto undefined = Render("a\n{{ nothing.at.all }}", {});
  EXPECT_EQ(undefined.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(undefined.status().message()), HasSubstr("line 2"));
}

TEST(ChatTemplateTest, ATextThatIsNoTemplateIsRefused) {
  const auto chat = ChatTemplate::Create("a\n{% if %}", "here", {});
  EXPECT_EQ(chat.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(chat.status().message()), HasSubstr("here: line 2"));
}

TEST(ChatTemplateTest, AFolderWithoutOneIsNamed) {
  const auto chat = ChatTemplate::OpenFolder("/no/such/folder");
  EXPECT_EQ(chat.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(chat.status().message()),
              HasSubstr("/no/such/folder/tokenizer_config.json"));
}

}  // namespace
}  // namespace merganser
