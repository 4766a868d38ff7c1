#include "common/campaign_spec/validate_tasks.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <ostream>

#include "common/campaign_spec/campaign_plan.h"

namespace merganser {
namespace {

using google::protobuf::TextFormat;
using testing::ElementsAre;
using testing::StartsWith;

v1::TaskSpec Task(const std::string& text) {
  v1::TaskSpec task;
  EXPECT_TRUE(TextFormat::ParseFromString(
      "name: 't' search { file: 'x.jsonl' scale: 1 } " + text, &task));
  return task;
}

LanguageTaskDefinition Parsed(const std::string& text) {
  auto parsed = ParseLanguageTask(Task(text), "tasks[0]");
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return *std::move(parsed);
}

std::vector<std::string> NamesOf(const std::vector<JsonlField>& fields) {
  std::vector<std::string> names;
  for (const JsonlField& field : fields) {
    names.push_back(field.name + (field.type == JsonlField::Type::kTexts
                                      ? std::string("[]")
                                      : std::string()));
  }
  return names;
}

TEST(ValidateTasksTest, DefaultsAreThoseOfTheKind) {
  const LanguageTaskDefinition exact = Parsed("kind: 'exact_match'");
  EXPECT_EQ(exact.kind, LanguageTaskKind::kExactMatch);
  EXPECT_EQ(exact.max_new_tokens, 256);
  EXPECT_THAT(NamesOf(FieldsOf(exact)), ElementsAre("prompt", "answer"));
  EXPECT_THAT(NamesOf(FieldsOf(Parsed("kind: 'generation'"))),
              ElementsAre("prompt", "answer"));
  EXPECT_THAT(NamesOf(FieldsOf(Parsed("kind: 'multiple_choice'"))),
              ElementsAre("question", "choices[]", "answer_index"));
  EXPECT_THAT(NamesOf(FieldsOf(Parsed("kind: 'perplexity'"))),
              ElementsAre("text"));
}

TEST(ValidateTasksTest, OnlyLanguageModelsHaveOutputs) {
  EXPECT_TRUE(ValidateLanguageTask(
                  Task("kind: 'perplexity' keep_outputs: true"), "tasks[0]")
                  .ok());
  v1::CampaignSpec spec;
  spec.mutable_model()->set_family("mlp");
  *spec.add_tasks() = Task("kind: 'classification' keep_outputs: true");
  EXPECT_THAT(std::string(ValidateTasks(spec).message()),
              StartsWith("tasks[0].keep_outputs: expected none with the kind "
                         "classification"));
}

TEST(ValidateTasksTest, AllFieldsAreTakenOver) {
  const LanguageTaskDefinition task = Parsed(R"pb(
    kind: 'generation'
    prompt: 'Q: {q}'
    answer: '{a} {q}'
    chat: true
    system: 'S'
    few_shot {
      examples { file: 'e.jsonl' scale: 1 }
      count: 3
    }
    max_new_tokens: 7
    stop: 'x'
    stop: 'y'
    extract: 'pattern'
    pattern: '#### (.*)')pb");
  EXPECT_THAT(NamesOf(FieldsOf(task)), ElementsAre("q", "a"));
  EXPECT_TRUE(task.chat);
  EXPECT_EQ(task.system, "S");
  EXPECT_EQ(task.max_new_tokens, 7);
  EXPECT_THAT(task.stops, ElementsAre("x", "y"));
  EXPECT_EQ(task.extractor.Extract("#### 12 "), "12");
  const LanguageTaskDefinition choice =
      Parsed("kind: 'multiple_choice' normalise: 'length' answer: '{right}'");
  EXPECT_TRUE(choice.by_length);
  EXPECT_THAT(NamesOf(FieldsOf(choice)),
              ElementsAre("question", "right", "choices[]"));
  EXPECT_EQ(Parsed("kind: 'perplexity' window: 9").window, 9);
  EXPECT_EQ(Parsed("kind: 'generation' extract: 'last_number'")
                .extractor.Extract("1 and 2."),
            "2");
}

TEST(ValidateTasksTest, ScoresBetweenAreThoseOfPerplexity) {
  EXPECT_TRUE(HasContinuousScores(Task("kind: 'perplexity'")));
  for (const char* kind :
       {"classification", "exact_match", "generation", "multiple_choice"}) {
    v1::TaskSpec task;
    task.set_kind(kind);
    EXPECT_FALSE(HasContinuousScores(task));
  }
}

struct BadTask {
  const char* name;
  const char* task;
  const char* error;
};

void PrintTo(const BadTask& row, std::ostream* out) { *out << row.name; }

class BadTaskTest : public testing::TestWithParam<BadTask> {};

TEST_P(BadTaskTest, IsRefusedWithTheField) {
  const absl::Status status =
      ValidateLanguageTask(Task(GetParam().task), "tasks[2]");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), StartsWith(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadTaskTest,
    testing::Values(
        BadTask{"Kind", "kind: 'classification'",
                "tasks[2].kind: expected a kind of language models"},
        BadTask{"WindowOfExactMatch", "kind: 'exact_match' window: 1",
                "tasks[2].window: expected none with the kind exact_match; "
                "only perplexity has it"},
        BadTask{"StopOfChoice", "kind: 'multiple_choice' stop: 'x'",
                "tasks[2].stop: expected none with the kind multiple_choice; "
                "only exact_match, generation have it"},
        BadTask{"ExtractOfExactMatch", "kind: 'exact_match' extract: 'exact'",
                "tasks[2].extract: "},
        BadTask{"NormaliseOfGeneration", "kind: 'generation' normalise: 'sum'",
                "tasks[2].normalise: "},
        BadTask{"AnswerOfPerplexity", "kind: 'perplexity' answer: 'x'",
                "tasks[2].answer: "},
        BadTask{"ChatOfPerplexity", "kind: 'perplexity' chat: true",
                "tasks[2].chat: "},
        BadTask{"FewShotOfPerplexity", "kind: 'perplexity' few_shot {}",
                "tasks[2].few_shot: "},
        BadTask{"Scale", "kind: 'perplexity' holdout { scale: 0.5 }",
                "tasks[2].holdout.scale: expected 1, since the datapoints are "
                "text; got 0.5"},
        BadTask{"ScaleOfExamples",
                "kind: 'exact_match' few_shot { examples { scale: 2 } }",
                "tasks[2].few_shot.examples.scale: expected 1"},
        BadTask{"SystemWithoutChat", "kind: 'exact_match' system: 'x'",
                "tasks[2].system: expected none without chat: true"},
        BadTask{"PatternMissing", "kind: 'generation' extract: 'pattern'",
                "tasks[2].pattern: is missing"},
        BadTask{"PatternWithoutExtract", "kind: 'generation' pattern: 'x'",
                "tasks[2].pattern: expected none without extract: pattern"},
        BadTask{"PatternThatDoesNotParse",
                "kind: 'generation' extract: 'pattern' pattern: '('",
                "tasks[2].pattern: expected a regular expression in RE2's "
                "syntax: missing )"},
        BadTask{"EmptyStop", "kind: 'exact_match' stop: 'x' stop: ''",
                "tasks[2].stop[1]: expected text; got none"},
        BadTask{"Prompt", "kind: 'perplexity' prompt: 'ab{'",
                "tasks[2].prompt: at byte 2: "},
        BadTask{"Answer", "kind: 'exact_match' answer: '}'",
                "tasks[2].answer: at byte 0: "},
        BadTask{"ListInAPrompt",
                "kind: 'multiple_choice' prompt: '{question}{choices}'",
                "tasks[2].prompt: expected fields that are text; {choices} is "
                "a list"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ValidateTasksTest, KindsFitTheModelFamily) {
  v1::CampaignSpec spec;
  *spec.add_tasks() = Task("kind: 'exact_match'");
  spec.mutable_model()->set_family("language_model");
  EXPECT_TRUE(ValidateTasks(spec).ok());
  spec.mutable_model()->set_family("mlp");
  EXPECT_EQ(std::string(ValidateTasks(spec).message()),
            "tasks[0].kind: expected classification with the model family mlp; "
            "got exact_match, which only language_model has");
  spec.mutable_tasks(0)->set_kind("classification");
  EXPECT_TRUE(ValidateTasks(spec).ok());
  spec.mutable_model()->set_family("language_model");
  EXPECT_THAT(std::string(ValidateTasks(spec).message()),
              StartsWith("tasks[0].kind: expected a kind of language models"));
}

TEST(ValidateTasksTest, ClassificationHasNoFieldsOfLanguageModels) {
  v1::CampaignSpec spec;
  spec.mutable_model()->set_family("mlp");
  *spec.add_tasks() = Task("kind: 'classification' prompt: 'Q'");
  EXPECT_THAT(std::string(ValidateTasks(spec).message()),
              StartsWith("tasks[0].prompt: expected none with the kind "
                         "classification; only exact_match"));
}

}  // namespace
}  // namespace merganser
