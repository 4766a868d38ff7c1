// Tasks of language models, read from their files and cut into tokens: for the
// client that submits them and workers that score them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/language_task/language_task.h"
#include "common/language_task/language_task_definition.h"
#include "common/storage/jsonl_dataset.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Where a dataset's file lies on this machine; errors name `field`.
using FilePath = absl::FunctionRef<absl::StatusOr<std::string>(
    const std::string& file, const std::string& field)>;

// Reads the rows that a dataset asks for, of the fields of a task.
// Errors: those of `path_of`; InvalidArgument that begins with a field below
// `field`, ".file", ".rows" or ".digest": what ReadJsonlDataset() says, or that
// the file is not the one that the client resolved.
absl::StatusOr<JsonlDataset> ReadTaskDataset(const v1::DatasetSpec& dataset,
                                             const LanguageTaskDefinition& task,
                                             FilePath path_of,
                                             const std::string& field);

// The examples in front of the task's prompts, as many as it asks for; nullopt
// without any. `field` is the task's.
// Errors: as ReadTaskDataset(); InvalidArgument for more than 64 examples.
absl::StatusOr<std::optional<JsonlDataset>> ReadTaskExamples(
    const v1::TaskSpec& spec, const LanguageTaskDefinition& task,
    FilePath path_of, const std::string& field);

// One dataset of a task, ready to be scored.
struct LoadedDatapoints {
  Digest file_digest;
  std::unique_ptr<const LanguageTask> task;
};

struct LoadedLanguageTask {
  LoadedDatapoints search;
  std::optional<LoadedDatapoints> holdout;
  // Of the few-shot examples, if there are any: of their file, and how many
  // rows were asked for.
  std::optional<Digest> examples_digest;
  int64_t examples_rows = 0;
};

// Reads all of a task's files and makes tokens of every datapoint, so that
// whatever a worker would refuse is found. `tools` are borrowed by the result.
// Errors: InvalidArgument that begins with the field below `field`, the task's;
// those of ReadTaskExamples() and LanguageTask::Create().
absl::StatusOr<LoadedLanguageTask> LoadLanguageTask(
    const v1::TaskSpec& spec, const LanguageTaskTools& tools, FilePath path_of,
    const std::string& field);

}  // namespace merganser
