#include "common/language_task/language_task_definition.h"

#include <algorithm>

namespace merganser {
namespace {

void AddFields(const TextTemplate& text, std::vector<JsonlField>& fields) {
  for (const std::string& name : text.fields()) {
    const JsonlField field{.name = name, .type = JsonlField::Type::kText};
    if (std::find(fields.begin(), fields.end(), field) == fields.end()) {
      fields.push_back(field);
    }
  }
}

}  // namespace

std::vector<JsonlField> FieldsOf(const LanguageTaskDefinition& task) {
  std::vector<JsonlField> fields;
  AddFields(task.prompt, fields);
  if (task.has_answer) AddFields(task.answer, fields);
  if (task.kind != LanguageTaskKind::kMultipleChoice) return fields;
  fields.push_back({.name = kChoicesField, .type = JsonlField::Type::kTexts});
  const JsonlField index{.name = kAnswerIndexField,
                         .type = JsonlField::Type::kText};
  if (!task.has_answer &&
      std::find(fields.begin(), fields.end(), index) == fields.end()) {
    fields.push_back(index);
  }
  return fields;
}

}  // namespace merganser
