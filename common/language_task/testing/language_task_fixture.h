// What tests of language tasks share: definitions, datasets, a model that
// writes what it is told.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "common/language_task/language_datapoints.h"
#include "common/language_task/language_task.h"
#include "common/language_task/testing/fake_language_model.h"

namespace merganser {

inline constexpr int32_t kBegin = FakeCodec::kBegin;
inline constexpr int32_t kEnd = FakeCodec::kEnd;

inline TextTemplate Template(const std::string& text) {
  return TextTemplate::Parse(text).value();
}

inline LanguageTaskDefinition Definition(LanguageTaskKind kind) {
  LanguageTaskDefinition task{.kind = kind};
  task.prompt =
      Template(kind == LanguageTaskKind::kMultipleChoice ? "{question}"
               : kind == LanguageTaskKind::kPerplexity   ? "{text}"
                                                         : "{prompt}");
  task.has_answer = kind == LanguageTaskKind::kExactMatch ||
                    kind == LanguageTaskKind::kGeneration;
  if (task.has_answer) task.answer = Template("{answer}");
  return task;
}

using List = std::vector<std::string>;

// Rows of values in the order of the task's fields, from line 1.
inline JsonlDataset Dataset(const LanguageTaskDefinition& task,
                            std::vector<std::vector<JsonlValue>> rows) {
  JsonlDataset dataset{.path = "x.jsonl", .fields = FieldsOf(task)};
  for (auto& row : rows) {
    dataset.rows.push_back(
        {.line = static_cast<int64_t>(dataset.rows.size()) + 1,
         .values = std::move(row)});
  }
  return dataset;
}

class LanguageTaskTest : public testing::Test {
 protected:
  LanguageTaskTools Tools() {
    return {.codec = &codec_,
            .render_chat = {},
            .end_tokens = {kEnd},
            .prefix_token = kBegin,
            .maximum_length = model_.maximum_length()};
  }

  absl::StatusOr<std::unique_ptr<LanguageTask>> Create(
      const LanguageTaskDefinition& definition,
      std::vector<std::vector<JsonlValue>> rows,
      const JsonlDataset* examples = nullptr) {
    return LanguageTask::Create(
        definition, Dataset(definition, std::move(rows)), examples, Tools());
  }

  // On all datapoints, with outputs unless `without_outputs`.
  LanguageScores Score(const LanguageTaskDefinition& definition,
                       std::vector<std::vector<JsonlValue>> rows,
                       bool wants_outputs = true) {
    const auto task = Create(definition, std::move(rows));
    EXPECT_TRUE(task.ok()) << task.status();
    std::vector<uint32_t> all((*task)->datapoints());
    std::iota(all.begin(), all.end(), 0u);
    auto scores = (*task)->Score(model_, all, wants_outputs);
    EXPECT_TRUE(scores.ok()) << scores.status();
    return *std::move(scores);
  }

  Tokens Encode(const std::string& text) {
    return codec_.Encode(text, /*add_special_tokens=*/false).value();
  }
  Tokens Prompt(const std::string& text) {
    return codec_.Encode(text, /*add_special_tokens=*/true).value();
  }
  // The model writes the text behind the prompt, and ends if `ends`.
  void Writes(const std::string& prompt, const std::string& text,
              bool ends = true) {
    Tokens tokens = Encode(text);
    if (ends) tokens.push_back(kEnd);
    model_.Writes(Prompt(prompt), tokens);
  }

  FakeCodec codec_;
  FakeLanguageModel model_;
};

}  // namespace merganser
