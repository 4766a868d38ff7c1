#include "common/campaign_spec/language_tasks.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/digest.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/validate_tasks.h"

namespace merganser {
namespace {

constexpr size_t kMaximumExamples = 64;

absl::Status CheckDigest(const std::string& resolved, const Digest& found,
                         const std::string& path) {
  if (resolved.empty() || resolved == found.ToBytes()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Digest expected, Digest::FromBytes(resolved));
  return absl::InvalidArgumentError(
      absl::StrCat(path, " has digest ", found.ToHex(),
                   "; the campaign was submitted with ", expected.ToHex()));
}

std::string ExamplesField(const std::string& field) {
  return absl::StrCat(field, ".few_shot.examples");
}

// Leaves as many examples as the task asks for.
absl::Status CutExamples(const v1::FewShotSpec& spec, const std::string& field,
                         JsonlDataset& examples) {
  const auto wanted = static_cast<size_t>(spec.count());
  if (wanted > examples.rows.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        field, ".few_shot.count: expected at most the ", examples.rows.size(),
        " examples that there are; got ", wanted));
  }
  if (wanted > 0) examples.rows.resize(wanted);
  if (examples.rows.size() <= kMaximumExamples) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(ExamplesField(field), ": expected at most ",
                   kMaximumExamples, " examples; got ", examples.rows.size(),
                   ". Say how many with few_shot.count, or with rows"));
}

absl::StatusOr<LoadedDatapoints> LoadDatapoints(
    const v1::DatasetSpec& spec, const LanguageTaskDefinition& definition,
    const JsonlDataset* examples, const LanguageTaskTools& tools,
    FilePath path_of, const std::string& field) {
  ASSIGN_OR_RETURN(const JsonlDataset dataset,
                   ReadTaskDataset(spec, definition, path_of, field));
  auto task = LanguageTask::Create(definition, dataset, examples, tools);
  if (!task.ok()) return Annotate(task.status(), field);
  return LoadedDatapoints{.file_digest = dataset.file_digest,
                          .task = *std::move(task)};
}

}  // namespace

absl::StatusOr<JsonlDataset> ReadTaskDataset(const v1::DatasetSpec& dataset,
                                             const LanguageTaskDefinition& task,
                                             FilePath path_of,
                                             const std::string& field) {
  const std::string file_field = absl::StrCat(field, ".file");
  ASSIGN_OR_RETURN(const std::string path, path_of(dataset.file(), file_field));
  JsonlOptions options{.begin = dataset.first_row(), .fields = FieldsOf(task)};
  if (dataset.end_row() != 0) options.end = dataset.end_row();
  auto read = ReadJsonlDataset(path, options);
  if (!read.ok()) {
    // Whatever is wrong with a file, the field is bad input.
    return absl::InvalidArgumentError(absl::StrCat(
        absl::IsOutOfRange(read.status()) ? absl::StrCat(field, ".rows")
                                          : file_field,
        ": ", read.status().message()));
  }
  RETURN_IF_ERROR(
      Annotate(CheckDigest(dataset.digest(), read->file_digest, path),
               absl::StrCat(field, ".digest")));
  return read;
}

absl::StatusOr<std::optional<JsonlDataset>> ReadTaskExamples(
    const v1::TaskSpec& spec, const LanguageTaskDefinition& task,
    FilePath path_of, const std::string& field) {
  if (!spec.has_few_shot()) return std::nullopt;
  ASSIGN_OR_RETURN(JsonlDataset examples,
                   ReadTaskDataset(spec.few_shot().examples(), task, path_of,
                                   ExamplesField(field)));
  RETURN_IF_ERROR(CutExamples(spec.few_shot(), field, examples));
  return examples;
}

absl::StatusOr<LoadedLanguageTask> LoadLanguageTask(
    const v1::TaskSpec& spec, const LanguageTaskTools& tools, FilePath path_of,
    const std::string& field) {
  ASSIGN_OR_RETURN(const LanguageTaskDefinition definition,
                   ParseLanguageTask(spec, field));
  LoadedLanguageTask loaded;
  std::optional<JsonlDataset> examples;
  if (spec.has_few_shot()) {
    ASSIGN_OR_RETURN(examples,
                     ReadTaskDataset(spec.few_shot().examples(), definition,
                                     path_of, ExamplesField(field)));
    loaded.examples_digest = examples->file_digest;
    loaded.examples_rows = static_cast<int64_t>(examples->rows.size());
    RETURN_IF_ERROR(CutExamples(spec.few_shot(), field, *examples));
  }
  const JsonlDataset* const shown = examples.has_value() ? &*examples : nullptr;
  ASSIGN_OR_RETURN(loaded.search,
                   LoadDatapoints(spec.search(), definition, shown, tools,
                                  path_of, absl::StrCat(field, ".search")));
  if (!spec.has_holdout()) return loaded;
  ASSIGN_OR_RETURN(loaded.holdout,
                   LoadDatapoints(spec.holdout(), definition, shown, tools,
                                  path_of, absl::StrCat(field, ".holdout")));
  return loaded;
}

}  // namespace merganser
