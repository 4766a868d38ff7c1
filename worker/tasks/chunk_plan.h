// Which datapoints make up which chunk.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/evolution/layout.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

// The layout_version that means the order of the file.
inline constexpr int64_t kFileOrder = -1;

// A ChunkLayout as plain numbers: per task, the datapoints in the order from
// which chunks are cut.
struct ChunkOrder {
  int64_t version = 0;
  std::vector<std::vector<uint32_t>> tasks;
};

// Whether the datapoints fit a campaign is for
// ChunkPlan to find out.
ChunkOrder OrderFromProto(const v1::ChunkLayout& layout);

// How one task's datapoints are to be cut.
struct TaskShape {
  int64_t datapoints = 0;  // 0: the task has none of this kind
  int chunk_size = 1;
};

// All chunks of all tasks under one order.
// Threads: immutable after creation; safe to share.
class ChunkPlan {
 public:
  // One chunk of one task by number.
  struct Reference {
    int task = 0;
    int chunk = 0;

    friend bool operator==(const Reference&, const Reference&) = default;
  };

  // Datapoints in the order of their files.
  static absl::StatusOr<ChunkPlan> InFileOrder(
      std::span<const TaskShape> shapes);
  // Errors: InvalidArgument naming the task unless each of its datapoints
  // occurs exactly once.
  static absl::StatusOr<ChunkPlan> InOrder(std::span<const TaskShape> shapes,
                                           const ChunkOrder& order);

  // [tasks][chunks]
  std::span<const Chunk> task(int task) const { return tasks_[task]; }
  int tasks() const { return static_cast<int>(tasks_.size()); }

  // The chunks that a job names, in its order; all when it names none.
  // Errors: InvalidArgument for a task or chunk that there is not.
  absl::StatusOr<std::vector<Reference>> Select(const v1::Job& job) const;

 private:
  std::vector<std::vector<Chunk>> tasks_;
};

}  // namespace merganser
