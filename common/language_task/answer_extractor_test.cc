#include "common/language_task/answer_extractor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace merganser {
namespace {

using testing::Optional;
using testing::StartsWith;

TEST(AnswerExtractorTest, ExactIsTheWholeText) {
  for (const char* text : {"", " 54", "a\n"}) {
    EXPECT_THAT(AnswerExtractor::Exact().Extract(text), Optional(text));
  }
}

TEST(AnswerExtractorTest, LastNumberIsThatOfGsm8k) {
  const AnswerExtractor extractor = AnswerExtractor::LastNumber();
  const std::pair<const char*, const char*> rows[] = {
      {"She has 16 - 3 = 13 eggs.\n#### 18", "18"},
      {"so it is $1,234.50.", "1234.50"},
      {"The answer is 18.", "18"},
      {"The answer is 18...", "18"},
      {"1, 2, 3,", "3"},
      {"1,000,000", "1000000"},
      {"-$5", "-5"},
      {"$-5", "-5"},
      {"it fell by -3 degrees", "-3"},
      {".5", ".5"},
      {"3.14.15", ".15"},
      {"007", "007"},
  };
  for (const auto& [text, number] : rows) {
    EXPECT_THAT(extractor.Extract(text), Optional(std::string(number))) << text;
  }
  for (const char* text : {"", "none", "$ . ,", "-"}) {
    EXPECT_EQ(extractor.Extract(text), std::nullopt) << text;
  }
}

TEST(AnswerExtractorTest, PatternGivesItsFirstGroup) {
  const auto group = AnswerExtractor::Pattern("answer: *(\\w+)( or \\w+)?");
  ASSERT_TRUE(group.ok()) << group.status();
  EXPECT_THAT(group->Extract("the answer:  yes or no; answer: b"),
              Optional(std::string("yes")));
  EXPECT_EQ(group->Extract("the answer"), std::nullopt);
  const auto whole = AnswerExtractor::Pattern("(?i) y(?:es)?\\b ?");
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_THAT(whole->Extract("oh YES no"), Optional(std::string("YES")));
}

TEST(AnswerExtractorTest, AGroupWithoutPartInTheMatchFindsNothing) {
  const auto extractor = AnswerExtractor::Pattern("(a)|b");
  ASSERT_TRUE(extractor.ok()) << extractor.status();
  EXPECT_EQ(extractor->Extract("b"), std::nullopt);
  EXPECT_THAT(extractor->Extract("ba"), testing::Eq(std::nullopt));
  EXPECT_THAT(extractor->Extract("ab"), Optional(std::string("a")));
}

TEST(AnswerExtractorTest, APatternThatDoesNotParseIsRefusedWithTheReason) {
  for (const char* pattern :
       {"(", "a{2,1}", "(?=x)", "\\1", "((a{100}){100}){100}"}) {
    const auto extractor = AnswerExtractor::Pattern(pattern);
    EXPECT_EQ(extractor.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(extractor.status().message()),
                StartsWith("expected a regular expression in RE2's syntax: "));
  }
}

// A backtracking matcher would not come back.
TEST(AnswerExtractorTest, TimeIsLinearInTheText) {
  const auto extractor = AnswerExtractor::Pattern("(a*)*(a*)*(a*)*b");
  ASSERT_TRUE(extractor.ok()) << extractor.status();
  EXPECT_EQ(extractor->Extract(std::string(100000, 'a')), std::nullopt);
}

}  // namespace
}  // namespace merganser
