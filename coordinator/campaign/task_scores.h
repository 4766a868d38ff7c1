// What a candidate's scores come to, task by task.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/evolution/scores.h"
#include "common/schedule/chunk_assembly.h"

namespace merganser {

// The mean score of each task's datapoints, 0 … 1; 0 of a task without any.
// Shape: scores is [tasks.back().end].
std::vector<double> TaskAccuracies(ScoreKind kind,
                                   std::span<const TaskExtent> tasks,
                                   std::span<const uint32_t> scores);

// Of the holdout datapoints.
struct HoldoutScores {
  double accuracy = 0;        // weighted by task
  std::vector<double> tasks;  // TaskAccuracies()
};

}  // namespace merganser
