// Puts the chunks of one candidate together into its scores.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/evolution/scores.h"

namespace merganser {

// The search datapoints of one task among all: begin … end-1.
struct TaskExtent {
  int64_t begin = 0;
  int64_t end = 0;
  int chunk_size = 1;
};

// The order of all search datapoints, task after task, from which the chunks
// of one layout version are cut.
using LayoutOrderPointer = std::shared_ptr<const std::vector<uint32_t>>;

enum class ChunkOutcome {
  kNew,
  kRepeat,    // reported before with the same scores
  kConflict,  // reported before with other scores; the first ones stand
};

// Number of chunks of a task.
int64_t ChunkCount(const TaskExtent& task);
// The datapoints of a chunk that there is, in the chunk's order. Shape: order
// is [datapoints], the layout.
std::span<const uint32_t> ChunkMembers(const TaskExtent& task, int64_t chunk,
                                       std::span<const uint32_t> order);

// The known chunks of a candidate, as they are stored.
struct PackedChunks {
  // One bit per chunk, task after task, the first in the highest bit of byte
  // 0; 1 = known.
  std::string known_chunks;
  // Scores of the known chunks, chunk after chunk in the layout's order.
  std::string scores;
};

// Threads: none; its owner guards it.
class ChunkAssembly {
 public:
  // `order` is the layout: all datapoints, task after task. `tasks` is
  // borrowed.
  ChunkAssembly(ScoreKind kind, std::span<const TaskExtent> tasks,
                LayoutOrderPointer order);

  // A complete one. Shape: scores is [datapoints], in file order.
  ChunkAssembly(ScoreKind kind, std::span<const TaskExtent> tasks,
                LayoutOrderPointer order, std::vector<uint32_t> scores);

  // What Pack() gave.
  // Errors: InvalidArgument if it does not fit the tasks.
  static absl::StatusOr<ChunkAssembly> Unpack(ScoreKind kind,
                                              std::span<const TaskExtent> tasks,
                                              LayoutOrderPointer order,
                                              const PackedChunks& packed);
  PackedChunks Pack() const;

  // Scores of chunk `chunk` of task `task`, packed in the chunk's own order.
  // Errors: InvalidArgument naming the field; nothing has then changed.
  absl::StatusOr<ChunkOutcome> Add(int task, int64_t chunk,
                                   std::string_view packed);

  // Chunks that are still missing, over all tasks.
  int64_t missing() const { return missing_; }
  bool complete() const { return missing_ == 0; }
  bool any_known() const { return missing_ < chunks_; }
  // Whether the tasks have such a chunk.
  bool HasChunk(int task, int64_t chunk) const;
  // Of a chunk that there is.
  bool known(int task, int64_t chunk) const { return known_[task][chunk]; }
  // Shape: [datapoints], in file order; 0 where unknown.
  const std::vector<uint32_t>& scores() const { return scores_; }
  // The datapoints of the known chunks, in the layout's order.
  std::vector<uint32_t> KnownDatapoints() const;
  // Scores of a known chunk, packed in its own order.
  std::string PackChunk(int task, int64_t chunk) const;
  // Calls `visit(task, chunk)` for the known chunks, ascending.
  void VisitKnown(absl::FunctionRef<void(int, int64_t)> visit) const;

 private:
  ScoreKind kind_;
  std::span<const TaskExtent> tasks_;
  LayoutOrderPointer order_;
  std::vector<uint32_t> scores_;
  std::vector<std::vector<bool>> known_;  // [task][chunk]
  int64_t chunks_ = 0;
  int64_t missing_ = 0;
};

}  // namespace merganser
