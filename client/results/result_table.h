// A campaign's outcome as a table for the terminal.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/results/summary.h"

namespace merganser {

// The winner beside the seeds, then diversity, speed and `files`, which lie
// in `folder`. Ends with a newline.
std::string ResultTable(const Summary& summary, const std::string& folder,
                        const std::vector<std::string>& files);

// Holdout accuracy that the paper reports for this campaign, if it has it:
// arXiv 2508.16204, table 1, the digits from pre-trained seeds.
std::optional<double> PaperHoldoutAccuracy(const Summary& summary);

}  // namespace merganser
