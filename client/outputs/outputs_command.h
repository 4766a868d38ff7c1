// merganser candidates --outputs.
#pragma once

#include "client/cli/candidate_commands.h"

namespace merganser {

// Makes a candidate again from the seeds, runs it over the campaign's
// datapoints, and shows what it wrote.
CandidateDetails CandidateOutputs();

}  // namespace merganser
