#include "worker/tasks/task_dataset.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/digest.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

constexpr size_t kMaximumExamples = 64;

}  // namespace

absl::StatusOr<JsonlDataset> ReadTaskDataset(const v1::DatasetSpec& dataset,
                                             const LanguageTaskDefinition& task,
                                             const PathRules& paths,
                                             const std::string& field) {
  ASSIGN_OR_RETURN(const std::string path,
                   paths.Resolve(dataset.file(), absl::StrCat(field, ".file")));
  JsonlOptions options{.begin = dataset.first_row(), .fields = FieldsOf(task)};
  if (dataset.end_row() != 0) options.end = dataset.end_row();
  auto read = ReadJsonlDataset(path, options);
  if (!read.ok()) return Annotate(read.status(), field);
  if (dataset.digest().empty() ||
      dataset.digest() == read->file_digest.ToBytes()) {
    return read;
  }
  ASSIGN_OR_RETURN(const Digest expected, Digest::FromBytes(dataset.digest()));
  return absl::InvalidArgumentError(absl::StrCat(
      field, ".digest: ", path, " has digest ", read->file_digest.ToHex(),
      "; the campaign was submitted with ", expected.ToHex()));
}

absl::StatusOr<std::optional<JsonlDataset>> ReadTaskExamples(
    const v1::TaskSpec& spec, const LanguageTaskDefinition& task,
    const PathRules& paths, const std::string& field) {
  if (!spec.has_few_shot()) return std::nullopt;
  const std::string examples_field = absl::StrCat(field, ".few_shot.examples");
  ASSIGN_OR_RETURN(
      JsonlDataset examples,
      ReadTaskDataset(spec.few_shot().examples(), task, paths, examples_field));
  const auto wanted = static_cast<size_t>(spec.few_shot().count());
  if (wanted > examples.rows.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        field, ".few_shot.count: expected at most the ", examples.rows.size(),
        " examples that there are; got ", wanted));
  }
  if (wanted > 0) examples.rows.resize(wanted);
  if (examples.rows.size() <= kMaximumExamples) return examples;
  return absl::InvalidArgumentError(
      absl::StrCat(examples_field, ": expected at most ", kMaximumExamples,
                   " examples; got ", examples.rows.size(),
                   ". Say how many with few_shot.count, or with rows"));
}

}  // namespace merganser
