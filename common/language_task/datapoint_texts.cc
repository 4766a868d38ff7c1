#include "common/language_task/datapoint_texts.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

// The fields of one row by name.
class RowFields {
 public:
  RowFields(const JsonlDataset& dataset, const JsonlRow& row)
      : dataset_(dataset), row_(row) {}

  // FieldsOf() asked for it, so it is there and is text.
  std::string_view Text(std::string_view name) const {
    return std::get<std::string>(Value(name));
  }
  const std::vector<std::string>& Texts(std::string_view name) const {
    return std::get<std::vector<std::string>>(Value(name));
  }

 private:
  const JsonlValue& Value(std::string_view name) const {
    size_t field = 0;
    while (dataset_.fields.at(field).name != name) ++field;
    return row_.values.at(field);
  }

  const JsonlDataset& dataset_;
  const JsonlRow& row_;
};

std::string Render(const TextTemplate& text, const RowFields& fields) {
  return text.Render([&](std::string_view name) { return fields.Text(name); });
}

absl::StatusOr<size_t> ChoiceByIndex(const RowFields& fields, size_t choices) {
  const std::string_view text = fields.Text(kAnswerIndexField);
  size_t index = 0;
  const auto result =
      std::from_chars(text.data(), text.data() + text.size(), index);
  if (result.ec == std::errc() && result.ptr == text.data() + text.size() &&
      index < choices) {
    return index;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "field \"", kAnswerIndexField, "\": expected an index of the list \"",
      kChoicesField, "\", 0 to ", choices - 1, "; got ", std::string(text)));
}

absl::StatusOr<size_t> ChoiceByText(const std::string& text,
                                    const std::vector<std::string>& choices) {
  const auto found = std::find(choices.begin(), choices.end(), text);
  if (found != choices.end()) return found - choices.begin();
  return absl::InvalidArgumentError(
      absl::StrCat("expected the answer as one of the list \"", kChoicesField,
                   "\"; got \"", text.substr(0, 80), "\""));
}

absl::Status AddChoices(const LanguageTaskDefinition& task,
                        const RowFields& fields, DatapointTexts& texts) {
  texts.choices = fields.Texts(kChoicesField);
  if (texts.choices.size() < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "field \"", kChoicesField, "\": expected at least two choices; got ",
        texts.choices.empty() ? "none" : "one"));
  }
  if (std::count(texts.choices.begin(), texts.choices.end(), "") > 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "field \"", kChoicesField, "\": expected choices that are not empty"));
  }
  if (task.has_answer) {
    ASSIGN_OR_RETURN(texts.right_choice,
                     ChoiceByText(texts.answer, texts.choices));
  } else {
    ASSIGN_OR_RETURN(texts.right_choice,
                     ChoiceByIndex(fields, texts.choices.size()));
  }
  texts.answer = texts.choices[texts.right_choice];
  return absl::OkStatus();
}

// Without examples and chat template.
absl::StatusOr<DatapointTexts> BareTexts(const LanguageTaskDefinition& task,
                                         const JsonlDataset& dataset,
                                         const JsonlRow& row) {
  const RowFields fields(dataset, row);
  DatapointTexts texts{.prompt = Render(task.prompt, fields)};
  if (task.has_answer) texts.answer = Render(task.answer, fields);
  if (task.kind == LanguageTaskKind::kMultipleChoice) {
    RETURN_IF_ERROR(
        Annotate(AddChoices(task, fields, texts), PlaceOf(dataset, row)));
  }
  return texts;
}

}  // namespace

absl::StatusOr<DatapointTextMaker> DatapointTextMaker::Create(
    const LanguageTaskDefinition& task, const JsonlDataset* examples,
    RenderChat render_chat) {
  if (task.chat && !render_chat) {
    return absl::InvalidArgumentError(
        "chat: expected a model whose tokenizer has a chat template");
  }
  DatapointTextMaker maker(task, std::move(render_chat));
  if (examples == nullptr) return maker;
  for (const JsonlRow& row : examples->rows) {
    ASSIGN_OR_RETURN(DatapointTexts texts, BareTexts(task, *examples, row));
    maker.examples_.push_back(
        {.prompt = std::move(texts.prompt), .answer = std::move(texts.answer)});
  }
  return maker;
}

absl::StatusOr<DatapointTexts> DatapointTextMaker::Make(
    const JsonlDataset& dataset, const JsonlRow& row) const {
  ASSIGN_OR_RETURN(DatapointTexts texts, BareTexts(*task_, dataset, row));
  if (!task_->chat) {
    texts.prompt = PlainPrompt(examples_, texts.prompt);
    return texts;
  }
  auto rendered =
      render_chat_(ChatPrompt(task_->system, examples_, texts.prompt));
  if (!rendered.ok()) {
    return Annotate(rendered.status(), PlaceOf(dataset, row));
  }
  texts.prompt = *std::move(rendered);
  return texts;
}

}  // namespace merganser
