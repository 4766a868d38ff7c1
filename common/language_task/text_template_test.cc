#include "common/language_task/text_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

namespace merganser {
namespace {

using testing::ElementsAre;

std::string_view Upper(std::string_view field) {
  if (field == "q") return "QUESTION {a}";
  if (field == "a b") return "";
  return "?";
}

TEST(TextTemplateTest, FieldsAreReplacedOnce) {
  const auto parsed = TextTemplate::Parse("Q: {q}\n{{{a b}}}|{q}{x}");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(parsed->fields(), ElementsAre("q", "a b", "x"));
  EXPECT_EQ(parsed->Render(Upper), "Q: QUESTION {a}\n{}|QUESTION {a}?");
}

TEST(TextTemplateTest, TextWithoutFieldsIsItself) {
  for (const char* text : {"", "a", "ä\n"}) {
    const auto parsed = TextTemplate::Parse(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_TRUE(parsed->fields().empty());
    EXPECT_EQ(parsed->Render(Upper), text);
  }
}

struct BadTemplate {
  const char* name;
  const char* text;
  const char* error;
};

void PrintTo(const BadTemplate& row, std::ostream* out) { *out << row.name; }

class BadTemplateTest : public testing::TestWithParam<BadTemplate> {};

TEST_P(BadTemplateTest, IsRefusedWithThePlace) {
  const auto parsed = TextTemplate::Parse(GetParam().text);
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(parsed.status().message()), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadTemplateTest,
    testing::Values(
        BadTemplate{"Open", "ab{c",
                    "at byte 2: expected {field}, or {{ for a brace; got { "
                    "without }"},
        BadTemplate{"OpenAtTheEnd", "{",
                    "at byte 0: expected {field}, or {{ for a brace; got { "
                    "without }"},
        BadTemplate{"OpenTwice", "{a{b}}",
                    "at byte 0: expected {field}, or {{ for a brace; got { "
                    "without }"},
        BadTemplate{"Close", "a}b",
                    "at byte 1: expected }} for a brace; got }"},
        BadTemplate{"NoName", "x{}",
                    "at byte 1: expected the name of a field between { and }"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace merganser
