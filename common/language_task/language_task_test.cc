#include "common/language_task/language_task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
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

std::string Hits(const LanguageScores& result) {
  std::string hits;
  for (const uint32_t score : result.scores) {
    EXPECT_TRUE(score == 0 || score == kScoreUnit) << score;
    hits += score == 0 ? '0' : '1';
  }
  return hits;
}

std::vector<std::string> Texts(const LanguageScores& result) {
  std::vector<std::string> texts;
  for (const DatapointOutput& output : result.outputs) {
    texts.push_back(output.text);
  }
  return texts;
}

TEST_F(LanguageTaskTest, ExactMatchNeedsTheAnswerAndTheEnd) {
  Writes("a:", " 12");
  Writes("b:", " 123");
  Writes("c:", " 1");
  Writes("d:", "12");
  const LanguageScores result =
      Score(Definition(Kind::kExactMatch),
            {{"a:", " 12"}, {"b:", " 12"}, {"c:", " 12"}, {"d:", " 12"}},
            /*wants_outputs=*/false);
  EXPECT_EQ(Hits(result), "1000");
  EXPECT_FALSE(result.saw_nan);
  EXPECT_EQ(model_.generated, 0u);
  EXPECT_EQ(model_.score_calls, 1);
  EXPECT_TRUE(result.outputs.empty());
}

TEST_F(LanguageTaskTest, ExactMatchOutputsAreWhatIsWritten) {
  Writes("a:", " 12");
  Writes("b:", " 13");
  const LanguageScores result =
      Score(Definition(Kind::kExactMatch), {{"a:", " 12"}, {"b:", " 12"}});
  EXPECT_THAT(Texts(result), ElementsAre(" 12", " 13"));
  EXPECT_THAT(result.outputs[0].token_ids,
              ElementsAre(' ', '1', '2', FakeCodec::kEnd));
}

// The model writes: behind the answer x …
struct StopCase {
  const char* name;
  const char* writes;
  const char* hit;
  size_t decoded;  // prompts for which one pass was not enough
};

void PrintTo(const StopCase& row, std::ostream* out) { *out << row.name; }

class StopTest : public LanguageTaskTest,
                 public testing::WithParamInterface<StopCase> {};

TEST_P(StopTest, ExactMatchEndsAtAStop) {
  Writes("p", GetParam().writes);
  LanguageTaskDefinition task = Definition(Kind::kExactMatch);
  task.stops = {"\n", ".Q:", "th"};
  EXPECT_EQ(Hits(Score(task, {{"p", "x"}}, /*wants_outputs=*/false)),
            GetParam().hit);
  EXPECT_EQ(model_.generated, GetParam().decoded);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, StopTest,
    testing::Values(StopCase{"AtOnce", "x\nmore", "1", 0},
                    StopCase{"End", "x", "1", 0},
                    StopCase{"OneTokenOfMoreBytes", "xthis", "1", 0},
                    StopCase{"OverTokens", "x.Q:more", "1", 1},
                    StopCase{"CutShort", "x.Q", "0", 1},
                    StopCase{"OnlyItsBeginning", "x.no", "0", 1},
                    StopCase{"SomethingBetween", "x y\n", "0", 0},
                    StopCase{"TooEarly", "\nx", "0", 0}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(LanguageTaskTest, ExactMatchDecodesWhereAnswerAndPromptShareAToken) {
  // "t" + "he" is encoded as "th", "e".
  Writes("t", "he");
  Writes("at", "ha");
  const LanguageScores result =
      Score(Definition(Kind::kExactMatch),
            {{"t", "he"}, {"at", "he"}, {"q", "z"}}, /*wants_outputs=*/false);
  EXPECT_EQ(Hits(result), "100");
  EXPECT_EQ(model_.generated, 2u);
}

TEST_F(LanguageTaskTest, NanScoresNothingAndIsFlagged) {
  model_.Writes(Prompt("a"), {'x', FakeLanguageModel::kNan});
  model_.Writes(Prompt("b"), {FakeLanguageModel::kNan});
  model_.Writes(Prompt("t"), {'h', FakeLanguageModel::kNan});
  Writes("c", "x");
  for (const char* prompt : {"a", "b"}) {
    const LanguageScores result =
        Score(Definition(Kind::kExactMatch), {{prompt, "x"}, {"c", "x"}});
    EXPECT_EQ(Hits(result), "01");
    EXPECT_TRUE(result.saw_nan);
  }
  EXPECT_TRUE(
      Score(Definition(Kind::kExactMatch), {{"t", "h"}}, false).saw_nan);
  const LanguageScores generated =
      Score(Definition(Kind::kGeneration), {{"a", "x"}, {"c", "x"}});
  EXPECT_EQ(Hits(generated), "01");
  EXPECT_TRUE(generated.saw_nan);
  model_.Likes(Prompt("q"), Encode("x"), std::nan(""));
  const LanguageScores choice =
      Score(Definition(Kind::kMultipleChoice),
            {{"q", std::vector<std::string>{"x", "y"}, "0"}});
  EXPECT_EQ(Hits(choice), "0");
  EXPECT_TRUE(choice.saw_nan);
  model_.Likes(Prompt("d"), Encode("d"), std::nan(""));
  model_.Likes({kBegin}, Prompt("d"), std::nan(""));
  const LanguageScores text = Score(Definition(Kind::kPerplexity), {{"d"}});
  EXPECT_THAT(text.scores, ElementsAre(0u));
  EXPECT_TRUE(text.saw_nan);
}

TEST_F(LanguageTaskTest, GenerationComparesWhatIsExtracted) {
  Writes("a", "so 3, then $1,204.");
  Writes("b", "1205");
  Writes("c", "none");
  LanguageTaskDefinition task = Definition(Kind::kGeneration);
  task.extractor = AnswerExtractor::LastNumber();
  const LanguageScores result = Score(
      task, {{"a", "3+1201 #### 1204"}, {"b", "#### 1204"}, {"c", "1204"}});
  EXPECT_EQ(Hits(result), "100");
  EXPECT_THAT(Texts(result), ElementsAre("so 3, then $1,204.", "1205", "none"));
}

TEST_F(LanguageTaskTest, GenerationEndsAtAStopOrTheMostTokens) {
  Writes("a", " x\n\ny");
  Writes("b", "12345", /*ends=*/false);
  LanguageTaskDefinition task = Definition(Kind::kGeneration);
  task.stops = {"\n\n"};
  task.max_new_tokens = 4;
  const LanguageScores result = Score(task, {{"a", " x"}, {"b", "1234"}});
  EXPECT_EQ(Hits(result), "11");
  EXPECT_THAT(Texts(result), ElementsAre(" x", "1234"));
  EXPECT_FALSE(result.saw_nan);
}

TEST_F(LanguageTaskTest, AStopIsFoundBehindALongText) {
  const std::string before(40, 'x');
  Writes("a", before + "\n\nmore");
  LanguageTaskDefinition task = Definition(Kind::kGeneration);
  task.stops = {"\n\n"};
  EXPECT_EQ(Hits(Score(task, {{"a", before}})), "1");
}

TEST_F(LanguageTaskTest, AStopInThePromptIsNone) {
  Writes("Q:\nA:\n", "x");
  LanguageTaskDefinition task = Definition(Kind::kGeneration);
  task.stops = {"\n"};
  EXPECT_EQ(Hits(Score(task, {{"Q:\nA:\n", "x"}})), "1");
}

TEST_F(LanguageTaskTest, TheModelsLengthEndsAContinuation) {
  model_.set_maximum_length(6);
  Writes("abc", "123456");
  const LanguageScores result =
      Score(Definition(Kind::kGeneration), {{"abc", "12"}});
  EXPECT_EQ(Hits(result), "1");
  EXPECT_FALSE(result.saw_nan);
}

TEST_F(LanguageTaskTest, TheLikeliestChoiceIsPicked) {
  model_.Likes(Prompt("q:"), Encode(" a"), -3);
  model_.Likes(Prompt("q:"), Encode(" bcd"), -4);
  model_.Likes(Prompt("q:"), Encode(" e"), -3);
  const List choices = {" a", " bcd", " e"};
  const std::vector<std::vector<JsonlValue>> rows = {
      {"q:", choices, "0"}, {"q:", choices, "1"}, {"q:", choices, "2"}};
  LanguageTaskDefinition task = Definition(Kind::kMultipleChoice);
  const LanguageScores sums = Score(task, rows);
  EXPECT_EQ(Hits(sums), "100");  // the first on ties
  EXPECT_THAT(Texts(sums), ElementsAre(" a", " a", " a"));
  task.by_length = true;  // -3/2, -4/4, -3/2
  EXPECT_EQ(Hits(Score(task, rows)), "010");
}

TEST_F(LanguageTaskTest, LengthIsInCharacters) {
  model_.Likes(Prompt("q"), Encode("ää"), -4);     // 2 characters, 4 bytes
  model_.Likes(Prompt("q"), Encode("xyz"), -4.5);  // 3
  LanguageTaskDefinition task = Definition(Kind::kMultipleChoice);
  task.by_length = true;
  EXPECT_EQ(Hits(Score(task, {{"q", List{"ää", "xyz"}, "1"}})), "1");
}

TEST_F(LanguageTaskTest, TheRightChoiceMayBeNamed) {
  model_.Likes(Prompt("q"), Encode("b"), 0);
  LanguageTaskDefinition task = Definition(Kind::kMultipleChoice);
  task.has_answer = true;
  task.answer = Template("{right}");
  EXPECT_EQ(Hits(Score(task, {{"q", "b", List{"a", "b"}},
                              {"q", "a", List{"a", "b"}}})),
            "10");
}

TEST_F(LanguageTaskTest, SpaceAtTheEndOfAContextIsTheContinuations) {
  model_.Likes(Prompt("q:"), Encode(" \nb"), 0);
  EXPECT_EQ(Hits(Score(Definition(Kind::kMultipleChoice),
                       {{"q: \n", List{"a", "b"}, "1"}})),
            "1");
}

TEST_F(LanguageTaskTest, PerplexityIsTheMeanOverTheTokens) {
  LanguageTaskDefinition task = Definition(Kind::kPerplexity);
  task.window = 3;
  // Prefix, then the text with its own beginning, in windows of 3.
  model_.Likes({kBegin}, {kBegin, 'a', 'b'}, -2);
  model_.Likes({'b'}, {'c', 'd', 'e'}, -1);
  model_.Likes({'c', 'd', 'e'}, {'f'}, -0.5);
  const LanguageScores result = Score(task, {{"abcdef"}});
  EXPECT_THAT(result.scores,
              ElementsAre(std::lround(std::exp(-3.5 / 7) * (1 << 20))));
  EXPECT_EQ(result.outputs[0].log_likelihood, -3.5);
  EXPECT_EQ(result.outputs[0].tokens, 7);
}

TEST_F(LanguageTaskTest, PerplexityIsBetweenNothingAndAll) {
  model_.Likes({kBegin}, Prompt("a"), 0);
  model_.Likes({kBegin}, Prompt("b"), -2e6);
  model_.Likes({kBegin}, Prompt("c"), -std::numeric_limits<double>::infinity());
  EXPECT_THAT(
      Score(Definition(Kind::kPerplexity), {{"a"}, {"b"}, {"c"}}).scores,
      ElementsAre(kScoreUnit, 0u, 0u));
}

TEST_F(LanguageTaskTest, ADatapointScoresTheSameInAnyChunk) {
  Writes("a", "x");
  Writes("b", "y");
  const auto task =
      Create(Definition(Kind::kExactMatch), {{"a", "x"}, {"b", "x"}}).value();
  const std::vector<uint32_t> chunk = {1, 0, 1};
  EXPECT_EQ(Hits(task->Score(model_, chunk, false).value()), "010");
}

TEST_F(LanguageTaskTest, ExamplesStandInFront) {
  LanguageTaskDefinition task = Definition(Kind::kExactMatch);
  const JsonlDataset examples = Dataset(task, {{"1+1=", "2"}, {"2+2=", "4"}});
  Writes("1+1=2\n\n2+2=4\n\n3+3=", "6");
  const auto created = Create(task, {{"3+3=", "6"}}, &examples);
  ASSERT_TRUE(created.ok()) << created.status();
  const std::vector<uint32_t> chunk = {0};
  EXPECT_EQ(Hits((*created)->Score(model_, chunk, false).value()), "1");
}

TEST_F(LanguageTaskTest, ChatTemplatesBringTheirOwnSpecialTokens) {
  LanguageTaskDefinition task = Definition(Kind::kGeneration);
  task.chat = true;
  task.system = "S";
  LanguageTaskTools tools = Tools();
  tools.render_chat =
      [](std::span<const ChatMessage> messages) -> absl::StatusOr<std::string> {
    std::string text;
    for (const ChatMessage& message : messages) {
      absl::StrAppend(&text, "<", message.role, ">", message.content);
    }
    return text;
  };
  model_.Writes(Encode("<system>S<user>hi"), Encode("yo"));
  const auto created =
      LanguageTask::Create(task, Dataset(task, {{"hi", "yo"}}), nullptr, tools);
  ASSERT_TRUE(created.ok()) << created.status();
  const std::vector<uint32_t> chunk = {0};
  EXPECT_EQ(Hits((*created)->Score(model_, chunk, false).value()), "1");
  tools.render_chat = [](std::span<const ChatMessage>) {
    return absl::StatusOr<std::string>(absl::InvalidArgumentError("no role"));
  };
  EXPECT_EQ(std::string(LanguageTask::Create(
                            task, Dataset(task, {{"hi", "yo"}}), nullptr, tools)
                            .status()
                            .message()),
            "x.jsonl:1: no role");
}

TEST_F(LanguageTaskTest, ScoresArePackedAsTheCampaignHasThem) {
  const std::vector<uint32_t> scores = {kScoreUnit, 0, kScoreUnit};
  EXPECT_EQ(PackLanguageScores(ScoreKind::kBinary, scores), "\xa0");
  EXPECT_EQ(PackLanguageScores(ScoreKind::kContinuous, scores),
            PackScores(ScoreKind::kContinuous, scores));
}

// What is refused when a task is made.
}  // namespace
}  // namespace merganser
