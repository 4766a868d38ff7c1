// What a language task refuses before any model is asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "common/language_task/testing/language_task_fixture.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using Kind = LanguageTaskKind;

struct BadTask {
  const char* name;
  Kind kind;
  std::function<void(LanguageTaskDefinition&)> edit;
  std::vector<std::vector<JsonlValue>> rows;
  const char* error;
};

void PrintTo(const BadTask& row, std::ostream* out) { *out << row.name; }

class BadTaskTest : public LanguageTaskTest,
                    public testing::WithParamInterface<BadTask> {};

TEST_P(BadTaskTest, IsRefusedWithThePlace) {
  LanguageTaskDefinition task = Definition(GetParam().kind);
  if (GetParam().edit) GetParam().edit(task);
  const absl::Status status = Create(task, GetParam().rows).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), GetParam().error);
}

const std::string kSixty(60, 'p');  // 61 tokens

INSTANTIATE_TEST_SUITE_P(
    Rows, BadTaskTest,
    testing::Values(
        BadTask{"LongPrompt",
                Kind::kExactMatch,
                {},
                {{"a", "b"}, {kSixty, "1234"}},
                "x.jsonl:2: the prompt has 61 tokens, and 4 follow; the model "
                "takes 64 in all"},
        BadTask{"LongPromptOfGeneration",
                Kind::kGeneration,
                {},
                {{kSixty + "ppp", "x"}},
                "x.jsonl:1: the prompt has 64 tokens, and 1 follows; the model "
                "takes 64 in all"},
        BadTask{"LongChoice",
                Kind::kMultipleChoice,
                {},
                {{kSixty, List{"a", "1234"}, "0"}},
                "x.jsonl:1: the prompt has 61 tokens, and 4 follow; the model "
                "takes 64 in all"},
        BadTask{"LongAnswer",
                Kind::kExactMatch,
                [](auto& task) { task.max_new_tokens = 2; },
                {{"a", "123"}},
                "x.jsonl:1: the answer has 3 tokens; expected at most "
                "max_new_tokens, 2"},
        BadTask{"NoAnswer",
                Kind::kExactMatch,
                {},
                {{"a", ""}},
                "x.jsonl:1: expected an answer; got an empty one"},
        BadTask{"StopInTheAnswer",
                Kind::kExactMatch,
                [](auto& task) { task.stops = {"2"}; },
                {{"a", "123"}},
                "x.jsonl:1: expected an answer without a stop in it, which no "
                "model can write; there is one at byte 1 of \"123\""},
        BadTask{
            "NothingToExtract",
            Kind::kGeneration,
            [](auto& task) { task.extractor = AnswerExtractor::LastNumber(); },
            {{"a", "none"}},
            "x.jsonl:1: extract: finds nothing in the right answer, "
            "\"none\""},
        BadTask{"NoChoices",
                Kind::kMultipleChoice,
                {},
                {{"q", List{}, "0"}},
                "x.jsonl:1: field \"choices\": expected at least two choices; "
                "got none"},
        BadTask{"OneChoice",
                Kind::kMultipleChoice,
                {},
                {{"q", List{"a", "b"}, "0"}, {"q", List{"a"}, "0"}},
                "x.jsonl:2: field \"choices\": expected at least two choices; "
                "got one"},
        BadTask{"EmptyText",
                Kind::kPerplexity,
                {},
                {{"a"}, {""}},
                "x.jsonl:2: expected a text; got an empty one"},
        BadTask{"EmptyChoice",
                Kind::kMultipleChoice,
                {},
                {{"q", List{"a", ""}, "0"}},
                "x.jsonl:1: field \"choices\": expected choices that are not "
                "empty"},
        BadTask{"IndexOutOfRange",
                Kind::kMultipleChoice,
                {},
                {{"q", List{"a", "b"}, "2"}},
                "x.jsonl:1: field \"answer_index\": expected an index of the "
                "list \"choices\", 0 to 1; got 2"},
        BadTask{"IndexOfText",
                Kind::kMultipleChoice,
                {},
                {{"q", List{"a", "b"}, "b"}},
                "x.jsonl:1: field \"answer_index\": expected an index of the "
                "list \"choices\", 0 to 1; got b"},
        BadTask{"ChoiceThatIsNone",
                Kind::kMultipleChoice,
                [](auto& task) {
                  task.has_answer = true;
                  task.answer = Template("{right}");
                },
                {{"q", "c", List{"a", "b"}}},
                "x.jsonl:1: expected the answer as one of the list "
                "\"choices\"; got \"c\""},
        BadTask{"WindowTooLong",
                Kind::kPerplexity,
                [](auto& task) { task.window = 64; },
                {{"a"}},
                "window: expected at most 63, one less than the model takes; "
                "got 64"},
        BadTask{"NoChatTemplate",
                Kind::kExactMatch,
                [](auto& task) { task.chat = true; },
                {{"a", "b"}},
                "chat: expected a model whose tokenizer has a chat template"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(LanguageTaskTest, WhatJustFitsIsTaken) {
  EXPECT_TRUE(Create(Definition(Kind::kExactMatch), {{kSixty, "123"}}).ok());
  EXPECT_TRUE(
      Create(Definition(Kind::kGeneration), {{kSixty + "pp", "x"}}).ok());
  LanguageTaskDefinition task = Definition(Kind::kExactMatch);
  task.max_new_tokens = 3;
  EXPECT_TRUE(Create(task, {{"a", "123"}}).ok());
  task = Definition(Kind::kPerplexity);
  task.window = 63;
  EXPECT_TRUE(Create(task, {{"a"}}).ok());
}

TEST_F(LanguageTaskTest, AnEmptyContextIsThePrefixToken) {
  const TokenPair pair =
      EncodePair(codec_, "", "ab", /*add_special_tokens=*/false, kEnd).value();
  EXPECT_THAT(pair.context, ElementsAre(kEnd));
  EXPECT_THAT(pair.continuation, ElementsAre('a', 'b'));
  EXPECT_THAT(
      std::string(EncodePair(codec_, " ", "a", false, -1).status().message()),
      EndsWith("the tokenizer has no token to begin with"));
  EXPECT_THAT(
      std::string(EncodePair(codec_, "a", "", true, kEnd).status().message()),
      HasSubstr("adds tokens to the prompt"));
}

TEST_F(LanguageTaskTest, AnEndTokenInAnAnswerIsRefused) {
  const LanguageTaskDefinition task = Definition(Kind::kExactMatch);
  LanguageTaskTools tools = Tools();
  const JsonlDataset dataset = Dataset(task, {{"a", "123"}});
  EXPECT_TRUE(LanguageTask::Create(task, dataset, nullptr, tools).ok());
  tools.end_tokens = {'2'};
  EXPECT_THAT(
      std::string(LanguageTask::Create(task, dataset, nullptr, tools)
                      .status()
                      .message()),
      HasSubstr("x.jsonl:1: expected an answer without an end token in it"));
}

}  // namespace
}  // namespace merganser
