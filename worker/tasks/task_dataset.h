// The files of language tasks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/language_task/language_task_definition.h"
#include "common/storage/jsonl_dataset.h"
#include "merganser/v1/campaign.pb.h"
#include "worker/weights/path_rules.h"

namespace merganser {

// Reads the rows that a dataset asks for, of the fields of a task.
// Errors: those of PathRules and ReadJsonlDataset(), with `field` in front;
// InvalidArgument where the file is not the one that the client resolved.
absl::StatusOr<JsonlDataset> ReadTaskDataset(const v1::DatasetSpec& dataset,
                                             const LanguageTaskDefinition& task,
                                             const PathRules& paths,
                                             const std::string& field);

// The examples in front of the task's prompts, as many as it asks for; nullopt
// without any.
// Errors: as ReadTaskDataset(); InvalidArgument for more than 64 examples.
absl::StatusOr<std::optional<JsonlDataset>> ReadTaskExamples(
    const v1::TaskSpec& spec, const LanguageTaskDefinition& task,
    const PathRules& paths, const std::string& field);

}  // namespace merganser
