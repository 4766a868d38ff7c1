#include "common/campaign_spec/validate_tasks.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/field_checks.h"

namespace merganser {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;

constexpr int64_t kDefaultNewTokens = 256;

// The kinds that a field of TaskSpec belongs to, separated by spaces.
struct FieldRule {
  const char* field;
  const char* kinds;
};

constexpr char kAllKinds[] =
    "exact_match generation multiple_choice perplexity";
constexpr char kKindsWithAnswers[] = "exact_match generation multiple_choice";
constexpr FieldRule kFieldRules[] = {
    {"prompt", kAllKinds},
    {"answer", kKindsWithAnswers},
    {"chat", kKindsWithAnswers},
    {"system", kKindsWithAnswers},
    {"few_shot", kKindsWithAnswers},
    {"max_new_tokens", "exact_match generation"},
    {"stop", "exact_match generation"},
    {"extract", "generation"},
    {"pattern", "generation"},
    {"normalise", "multiple_choice"},
    {"window", "perplexity"},
    {"keep_outputs", kAllKinds},
};

std::optional<LanguageTaskKind> KindOf(const v1::TaskSpec& task) {
  if (task.kind() == "exact_match") return LanguageTaskKind::kExactMatch;
  if (task.kind() == "generation") return LanguageTaskKind::kGeneration;
  if (task.kind() == "multiple_choice") {
    return LanguageTaskKind::kMultipleChoice;
  }
  if (task.kind() == "perplexity") return LanguageTaskKind::kPerplexity;
  return std::nullopt;
}

bool IsSet(const v1::TaskSpec& task, const char* field) {
  const Reflection& reflection = *task.GetReflection();
  const FieldDescriptor& proto = *task.GetDescriptor()->FindFieldByName(field);
  return proto.is_repeated() ? reflection.FieldSize(task, &proto) > 0
                             : reflection.HasField(task, &proto);
}

// Ignoring a field would give another task than the one that was asked for.
absl::Status CheckFieldsFitKind(const v1::TaskSpec& task,
                                const std::string& path) {
  for (const FieldRule& rule : kFieldRules) {
    const std::vector<std::string> kinds = absl::StrSplit(rule.kinds, ' ');
    if (!IsSet(task, rule.field) ||
        std::count(kinds.begin(), kinds.end(), task.kind()) > 0) {
      continue;
    }
    return FieldError(JoinPath(path, rule.field),
                      absl::StrCat("expected none with the kind ", task.kind(),
                                   "; only ", absl::StrJoin(kinds, ", "),
                                   kinds.size() == 1 ? " has it" : " have it"));
  }
  return absl::OkStatus();
}

absl::Status CheckScale(const v1::DatasetSpec& dataset,
                        const std::string& path) {
  if (dataset.scale() == 1) return absl::OkStatus();
  return FieldError(JoinPath(path, "scale"),
                    absl::StrCat("expected 1, since the datapoints are text; "
                                 "got ",
                                 FormatNumber(dataset.scale())));
}

absl::Status CheckScales(const v1::TaskSpec& task, const std::string& path) {
  RETURN_IF_ERROR(CheckScale(task.search(), JoinPath(path, "search")));
  if (task.has_holdout()) {
    RETURN_IF_ERROR(CheckScale(task.holdout(), JoinPath(path, "holdout")));
  }
  if (!task.has_few_shot()) return absl::OkStatus();
  return CheckScale(task.few_shot().examples(),
                    JoinPath(path, "few_shot.examples"));
}

// Fields that depend on one another.
absl::Status CheckRules(const v1::TaskSpec& task, const std::string& path) {
  if (!task.system().empty() && !task.chat()) {
    return FieldError(JoinPath(path, "system"),
                      "expected none without chat: true");
  }
  const bool by_pattern = task.extract() == "pattern";
  if (by_pattern && task.pattern().empty()) {
    return FieldError(JoinPath(path, "pattern"),
                      "is missing; expected a regular expression, which "
                      "extract: pattern needs");
  }
  if (!by_pattern && !task.pattern().empty()) {
    return FieldError(JoinPath(path, "pattern"),
                      "expected none without extract: pattern");
  }
  for (int i = 0; i < task.stop_size(); ++i) {
    if (!task.stop(i).empty()) continue;
    return FieldError(JoinPath(path, absl::StrCat("stop[", i, "]")),
                      "expected text; got none");
  }
  return absl::OkStatus();
}

// `by_default` stands for an empty text.
absl::StatusOr<TextTemplate> ParseTemplate(const std::string& text,
                                           const char* by_default,
                                           const std::string& path) {
  auto parsed = TextTemplate::Parse(text.empty() ? by_default : text);
  if (!parsed.ok()) {
    return FieldError(path, std::string(parsed.status().message()));
  }
  return parsed;
}

const char* DefaultPrompt(LanguageTaskKind kind) {
  switch (kind) {
    case LanguageTaskKind::kMultipleChoice:
      return "{question}";
    case LanguageTaskKind::kPerplexity:
      return "{text}";
    default:
      return "{prompt}";
  }
}

absl::Status ParseTemplates(const v1::TaskSpec& task, const std::string& path,
                            LanguageTaskDefinition& parsed) {
  const bool by_choices = parsed.kind == LanguageTaskKind::kMultipleChoice;
  ASSIGN_OR_RETURN(parsed.prompt,
                   ParseTemplate(task.prompt(), DefaultPrompt(parsed.kind),
                                 JoinPath(path, "prompt")));
  parsed.has_answer = by_choices ? !task.answer().empty()
                                 : parsed.kind != LanguageTaskKind::kPerplexity;
  if (parsed.has_answer) {
    ASSIGN_OR_RETURN(parsed.answer, ParseTemplate(task.answer(), "{answer}",
                                                  JoinPath(path, "answer")));
  }
  if (!by_choices) return absl::OkStatus();
  for (const auto& [name, text] : {std::pair("prompt", &parsed.prompt),
                                   std::pair("answer", &parsed.answer)}) {
    const std::vector<std::string>& fields = text->fields();
    if (std::count(fields.begin(), fields.end(), kChoicesField) == 0) continue;
    return FieldError(JoinPath(path, name),
                      "expected fields that are text; {choices} is a list");
  }
  return absl::OkStatus();
}

absl::StatusOr<AnswerExtractor> ParseExtractor(const v1::TaskSpec& task,
                                               const std::string& path) {
  if (task.extract() == "last_number") return AnswerExtractor::LastNumber();
  if (task.extract() != "pattern") return AnswerExtractor::Exact();
  auto extractor = AnswerExtractor::Pattern(task.pattern());
  if (extractor.ok()) return extractor;
  return FieldError(JoinPath(path, "pattern"),
                    std::string(extractor.status().message()));
}

}  // namespace

absl::Status ValidateLanguageTask(const v1::TaskSpec& task,
                                  const std::string& path) {
  return ParseLanguageTask(task, path).status();
}

absl::StatusOr<LanguageTaskDefinition> ParseLanguageTask(
    const v1::TaskSpec& task, const std::string& path) {
  const auto kind = KindOf(task);
  if (!kind.has_value()) {
    return FieldError(JoinPath(path, "kind"),
                      absl::StrCat("expected a kind of language models, one "
                                   "of exact_match, generation, "
                                   "multiple_choice, perplexity; got \"",
                                   task.kind(), "\""));
  }
  RETURN_IF_ERROR(CheckFieldsFitKind(task, path));
  RETURN_IF_ERROR(CheckScales(task, path));
  RETURN_IF_ERROR(CheckRules(task, path));
  LanguageTaskDefinition parsed{.kind = *kind};
  RETURN_IF_ERROR(ParseTemplates(task, path, parsed));
  ASSIGN_OR_RETURN(parsed.extractor, ParseExtractor(task, path));
  parsed.chat = task.chat();
  parsed.system = task.system();
  parsed.max_new_tokens =
      task.max_new_tokens() == 0 ? kDefaultNewTokens : task.max_new_tokens();
  parsed.stops.assign(task.stop().begin(), task.stop().end());
  parsed.by_length = task.normalise() == "length";
  parsed.window = task.window();
  return parsed;
}

absl::Status ValidateTasks(const v1::CampaignSpec& spec) {
  const bool of_language = spec.model().family() == "language_model";
  for (int i = 0; i < spec.tasks_size(); ++i) {
    const std::string path = absl::StrCat("tasks[", i, "]");
    const v1::TaskSpec& task = spec.tasks(i);
    if (of_language) {
      RETURN_IF_ERROR(ValidateLanguageTask(task, path));
      continue;
    }
    if (IsLanguageTask(task)) {
      return FieldError(
          JoinPath(path, "kind"),
          absl::StrCat("expected classification with the model "
                       "family ",
                       spec.model().family(), "; got ", task.kind(),
                       ", which only language_model has"));
    }
    RETURN_IF_ERROR(CheckFieldsFitKind(task, path));
  }
  return absl::OkStatus();
}

}  // namespace merganser
