// Evaluation without a coordinator, for checking what one has recorded.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "worker/tasks/evaluator.h"
#include "worker/weights/blobs.h"

namespace merganser {

// Reads ScoreStreamRequest messages from `input`, each behind its length as a
// varint, and writes a ScoreStreamResponse to `output` for each job, before it
// reads on. Both are file descriptors. Returns at the end of the input. A job
// that fails is answered with its error. In campaigns that keep weights,
// parents come from `blobs`, and all weights that are made go there; `threads`,
// at least 1, make them. Errors: what the factory says about the spec; DataLoss
// for input that is no such message or ends in the middle of one; Unavailable
// when `output` is closed.
absl::Status RunScoreStream(EvaluatorFactory& evaluators, Blobs& blobs,
                            int threads, const v1::CampaignSpec& spec,
                            int input, int output);

}  // namespace merganser
