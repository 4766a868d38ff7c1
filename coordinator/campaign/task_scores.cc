#include "coordinator/campaign/task_scores.h"

namespace merganser {

std::vector<double> TaskAccuracies(ScoreKind kind,
                                   std::span<const TaskExtent> tasks,
                                   std::span<const uint32_t> scores) {
  std::vector<double> accuracies;
  for (const TaskExtent& task : tasks) {
    uint64_t sum = 0;
    for (int64_t j = task.begin; j < task.end; ++j) sum += scores[j];
    const auto full =
        static_cast<double>((task.end - task.begin) * FullScore(kind));
    accuracies.push_back(full == 0 ? 0 : static_cast<double>(sum) / full);
  }
  return accuracies;
}

}  // namespace merganser
