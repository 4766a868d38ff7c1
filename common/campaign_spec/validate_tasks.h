// Tasks of a campaign: which fields fit which kind.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/language_task/language_task_definition.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Whether the kind is one of language models. Kinds that there are not are
// none.
bool IsLanguageTask(const v1::TaskSpec& task);

// Whether its scores are other than 0 and 1.
bool HasContinuousScores(const v1::TaskSpec& task);

// Checks a task of language models by itself: that every field that is set
// fits its kind, and that templates and patterns parse. Takes a task whose
// single fields are in range.
// Errors: InvalidArgument that begins with the field below `path`:
// "tasks[0].window: …"; `path` may be empty.
absl::Status ValidateLanguageTask(const v1::TaskSpec& task,
                                  const std::string& path);

// The same task with templates and patterns parsed and defaults filled in.
// Errors: as ValidateLanguageTask().
absl::StatusOr<LanguageTaskDefinition> ParseLanguageTask(
    const v1::TaskSpec& task, const std::string& path);

// Checks all tasks of a campaign, and that they fit model.family. Takes a spec
// whose single fields are in range.
// Errors: as ValidateLanguageTask().
absl::Status ValidateTasks(const v1::CampaignSpec& spec);

}  // namespace merganser
