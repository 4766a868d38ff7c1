// Puts the chunks of one candidate together into its scores.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/evolution/scores.h"
#include "common/schedule/ordered_schedule.h"

namespace merganser {

enum class ChunkOutcome {
  kNew,
  kRepeat,    // reported before with the same scores
  kConflict,  // reported before with other scores; the first ones stand
};

// Number of chunks of a task.
int64_t ChunkCount(const TaskExtent& task);

// Threads: none; its owner guards it.
class ChunkAssembly {
 public:
  // `order` is the layout: all datapoints, task after task. `tasks` is
  // borrowed.
  ChunkAssembly(ScoreKind kind, std::span<const TaskExtent> tasks,
                LayoutOrderPointer order);

  // Scores of chunk `chunk` of task `task`, packed in the chunk's own order.
  // Errors: InvalidArgument naming the field; nothing has then changed.
  absl::StatusOr<ChunkOutcome> Add(int task, int64_t chunk,
                                   std::string_view packed);

  // Chunks that are still missing, over all tasks.
  int64_t missing() const { return missing_; }
  bool complete() const { return missing_ == 0; }
  // Indices of a task's missing chunks, ascending.
  std::vector<int32_t> MissingChunks(int task) const;
  // Shape: [datapoints], in file order. Complete ones only.
  const std::vector<uint32_t>& scores() const { return scores_; }

 private:
  ScoreKind kind_;
  std::span<const TaskExtent> tasks_;
  LayoutOrderPointer order_;
  std::vector<uint32_t> scores_;
  std::vector<std::vector<bool>> known_;  // [task][chunk]
  int64_t missing_ = 0;
};

}  // namespace merganser
