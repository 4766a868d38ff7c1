#include "common/huggingface/chat_template.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>

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
      const auto text =
          chat->Render(MessagesOf(one["messages"]),
                       one["add_generation_prompt"], absl::UnixEpoch());
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
  return chat->Render(messages, true, absl::UnixEpoch());
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

struct Rendering {
  const char* source;
  const char* text;
};

// Expected: what Python's json.dumps and str() give for the same values.
TEST(ChatTemplateTest, ValuesAreWrittenAsPythonDoes) {
  const std::vector<Rendering> table = {
      {"{{ [1, 'é', none, true, {}] | tojson }}",
       R"([1, "é", null, true, {}])"},
      {"{{ 'é😀\\n' | tojson(ensure_ascii=true) }}",
       R"("\u00e9\ud83d\ude00\n")"},
      {"{{ {'b': 1, 'a': [1, 2]} | tojson(sort_keys=true) }}",
       R"({"a": [1, 2], "b": 1})"},
      {"{{ {'b': [1], 'a': []} | tojson(indent=2) }}",
       "{\n  \"b\": [\n    1\n  ],\n  \"a\": []\n}"},
      {"{{ {'b': [1, 2]} | tojson(separators=(',', ':')) }}", R"({"b":[1,2]})"},
      {"{{ '<&>' | tojson }}", R"("<&>")"},
      {"{{ true }} {{ false }} {{ none }}", "True False None"},
      {"{{ 'a-b-c'.split('-')[1:] | join('+') }}", "b+c"},
      {"{{ ' x '.strip().upper().startswith('X') }}", "True"},
      {"{{ messages[0].get('name', 'nobody') }}", "nobody"},
      {"{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i "
       "== 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
       "02"},
  };
  for (const Rendering& row : table) {
    const auto text = Render(row.source, {{"user", "hi"}});
    ASSERT_TRUE(text.ok()) << row.source << " " << text.status();
    EXPECT_EQ(*text, row.text) << row.source;
  }
}

TEST(ChatTemplateTest, TheTimeIsTheCallers) {
  const auto chat =
      ChatTemplate::Create("{{ strftime_now('%d %b %Y %H:%M') }}", "here", {});
  ASSERT_TRUE(chat.ok()) << chat.status();
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_EQ(*chat->Render({}, false, now),
            absl::FormatTime("%d %b %Y %H:%M", now, absl::UTCTimeZone()));
}

TEST(ChatTemplateTest, ATemplateThatDoesNotEndFails) {
  const auto text = Render(
      "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% "
      "endfor %}",
      {});
  EXPECT_EQ(text.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(text.status().message()),
              HasSubstr("ran out of fuel"));
}

std::string Repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

struct HostileTemplate {
  const char* name;
  std::string source;
  const char* message;
};

void PrintTo(const HostileTemplate& row, std::ostream* out) {
  *out << row.name;
}

class HostileTemplateTest : public testing::TestWithParam<HostileTemplate> {};

// Each of them would end the process, or never end.
TEST_P(HostileTemplateTest, IsRefused) {
  // Twice, since the second time it is not begun.
  for (int i = 0; i < 2; ++i) {
    const auto text = Render(GetParam().source, {{"user", "hi"}});
    ASSERT_FALSE(text.ok());
    EXPECT_EQ(text.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(
        std::string(text.status().message()),
        testing::AllOf(
            testing::StartsWith("here: "),
            testing::AnyOf(HasSubstr(GetParam().message),
                           HasSubstr("took too much memory or time before"))));
  }
  EXPECT_EQ(*Render("{{ 'still here' }}", {}), "still here");
}

INSTANTIATE_TEST_SUITE_P(
    Templates, HostileTemplateTest,
    testing::Values(
        HostileTemplate{"Indent", "{{ 'a\nb' | indent(400000000000) }}",
                        "more than 64 MiB of memory"},
        HostileTemplate{"Repetition", "{{ 'abcdefghij' * 9000000 }}",
                        "more than 64 MiB of memory"},
        HostileTemplate{"HugeRepetition", "{{ 'ab' * 900000000000 }}",
                        "repeated string is too large"},
        HostileTemplate{
            "Doubling",
            "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set "
            "ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x | length }}",
            "more than 64 MiB of memory"},
        HostileTemplate{
            "DoublingByCapture",
            "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set y "
            "%}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}{% endfor %}",
            "more than 64 MiB of memory"},
        HostileTemplate{
            "ListOfLists",
            "{% set ns = namespace(x=['abcdefgh']) %}{% for i in range(60) %}"
            "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
            "more than 64 MiB of memory"},
        HostileTemplate{
            "DeepList",
            "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% for j "
            "in range(200) %}{% set ns.x = [ns.x] %}{% endfor %}{% endfor %}",
            "more than 64 MiB of memory"},
        HostileTemplate{
            "Join",
            "{{ range(9000) | join('" + std::string(9000, 'x') + "') }}",
            "more than 64 MiB of memory"},
        HostileTemplate{"MuchText",
                        "{% for i in range(5000) %}" + std::string(1000, 'x') +
                            "{% endfor %}",
                        "writes 5000000 bytes; expected at most 4194304"},
        HostileTemplate{"Nots", "{{ " + Repeated("not ", 200000) + "true }}",
                        "expected a chat template of at most 262144 bytes; got "
                        "800010"},
        HostileTemplate{"Recursion",
                        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                        "recursion limit exceeded"}),
    [](const auto& info) { return std::string(info.param.name); });

struct DeepTemplate {
  const char* name;
  std::string source;
};

void PrintTo(const DeepTemplate& row, std::ostream* out) { *out << row.name; }

class DeepTemplateTest : public testing::TestWithParam<DeepTemplate> {};

// The deepest recursions that fit into the largest source.
TEST_P(DeepTemplateTest, IsReadOrRefused) {
  ASSERT_LE(GetParam().source.size(), 262144u);
  const auto text = Render(GetParam().source, {});
  EXPECT_TRUE(text.ok() ||
              text.status().code() == absl::StatusCode::kInvalidArgument)
      << text.status();
}

INSTANTIATE_TEST_SUITE_P(
    Templates, DeepTemplateTest,
    testing::Values(
        DeepTemplate{"Nots", "{{ " + Repeated("not ", 65000) + "true }}"},
        DeepTemplate{"Minuses", "{{ " + Repeated("-", 260000) + "1 }}"},
        DeepTemplate{"Sums", "{{ 1" + Repeated("+1", 130000) + " }}"},
        DeepTemplate{"Powers", "{{ 1" + Repeated("**1", 80000) + " }}"},
        DeepTemplate{"Comparisons", "{{ 1" + Repeated("<2", 130000) + " }}"},
        DeepTemplate{"Attributes", "{{ a" + Repeated(".b", 130000) + " }}"},
        DeepTemplate{"Filters", "{{ 'a'" + Repeated("|e", 130000) + " }}"},
        DeepTemplate{"Calls", "{{ a" + Repeated("()", 130000) + " }}"},
        DeepTemplate{"Brackets", "{{ " + Repeated("[", 260000) + " }}"},
        DeepTemplate{"Conditions",
                     "{{ " + Repeated("1 if 0 else ", 21000) + "2 }}"},
        DeepTemplate{"Elifs", "{% if 0 %}" + Repeated("{%elif 0%}", 26000) +
                                  "{% endif %}"},
        DeepTemplate{
            "Ifs", Repeated("{%if 1%}", 16000) + Repeated("{%endif%}", 12000)}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ChatTemplateTest, ARaisedExceptionIsToldFromAnotherError) {
  const auto text = Render(
      "{% macro m() %}{{ raise_exception('inner') }}{% endmacro %}{{ m() }}",
      {});
  EXPECT_EQ(std::string(text.status().message()), "here: inner");
  const auto undefined = Render("{{ nothing | tojson }}", {});
  EXPECT_THAT(std::string(undefined.status().message()),
              HasSubstr("tojson: the value is undefined"));
}

class TemplateFolder {
 public:
  TemplateFolder()
      : path_(testing::TempDir() + "merganser_template." +
              std::to_string(getpid())) {
    std::filesystem::create_directory(path_);
  }
  ~TemplateFolder() { std::filesystem::remove_all(path_); }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name) << text;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(ChatTemplateTest, AFileOfItsOwnGoesBeforeTheConfig) {
  const TemplateFolder folder;
  folder.Write("tokenizer_config.json",
               R"({"bos_token": {"content": "<b>"}, "eos_token": null,
    "chat_template": [{"name": "tool_use", "template": "tool"}, {"name": "default", "template": "{{ bos_token }}one{{ eos_token }}"}]})");
  EXPECT_EQ(*ChatTemplate::OpenFolder(folder.path())
                 ->Render({}, false, absl::UnixEpoch()),
            "<b>one");
  folder.Write("chat_template.jinja", "{{ bos_token }}two\n");
  EXPECT_EQ(*ChatTemplate::OpenFolder(folder.path())
                 ->Render({}, false, absl::UnixEpoch()),
            "<b>two");
}

TEST(ChatTemplateTest, AConfigThatIsNotAsItShouldBeIsNamed) {
  const TemplateFolder folder;
  folder.Write("tokenizer_config.json", "{}");
  EXPECT_EQ(ChatTemplate::OpenFolder(folder.path()).status().code(),
            absl::StatusCode::kNotFound);
  for (const char* text :
       {"[", "[]", R"({"chat_template": 7})",
        R"({"chat_template": [{"name": "x", "template": "y"}]})",
        R"({"chat_template": "{{"})"}) {
    folder.Write("tokenizer_config.json", text);
    const absl::Status status =
        ChatTemplate::OpenFolder(folder.path()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(
        std::string(status.message()),
        ::testing::StartsWith(folder.path() + "/tokenizer_config.json: "));
  }
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
