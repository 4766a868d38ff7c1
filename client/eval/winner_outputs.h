// What the winner of a campaign of language models wrote.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "client/eval/model_evaluation.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Whether a task of the campaign asks for its winner's outputs.
bool KeepsOutputs(const v1::CampaignSpec& spec);

// Scores the model in the folder `model` on the tasks that have keep_outputs,
// in the order of their files, and writes a line of JSON per datapoint to
// `path`, which appears complete or not at all. Relative paths of data start at
// `models_root`, or at the working directory if that is empty.
// Errors: those of EvaluateModel(), and InvalidArgument for data that are not
// those of a resolved spec.
absl::Status WriteWinnerOutputs(const v1::CampaignSpec& spec,
                                const std::string& models_root,
                                const std::string& model,
                                const std::string& path,
                                const EvalWorkerOptions& options);

}  // namespace merganser
