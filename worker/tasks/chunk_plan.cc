#include "worker/tasks/chunk_plan.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

absl::Status CheckPermutation(std::span<const uint32_t> order,
                              int64_t datapoints, int task) {
  const auto error = [&](int64_t datapoint) {
    return absl::InvalidArgumentError(absl::StrCat(
        "layout.tasks[", task, "] does not hold each of the ", datapoints,
        " datapoints once; see datapoint ", datapoint));
  };
  if (static_cast<int64_t>(order.size()) != datapoints) {
    return absl::InvalidArgumentError(
        absl::StrCat("layout.tasks[", task, "] has ", order.size(),
                     " datapoints; the task has ", datapoints));
  }
  std::vector<bool> seen(order.size());
  for (const uint32_t datapoint : order) {
    if (datapoint >= order.size() || seen[datapoint]) return error(datapoint);
    seen[datapoint] = true;
  }
  return absl::OkStatus();
}

}  // namespace

ChunkOrder OrderFromProto(const v1::ChunkLayout& layout) {
  ChunkOrder order;
  order.version = layout.version();
  for (const v1::TaskOrder& task : layout.tasks()) {
    order.tasks.emplace_back(task.datapoints().begin(),
                             task.datapoints().end());
  }
  return order;
}

absl::StatusOr<ChunkPlan> ChunkPlan::InFileOrder(
    std::span<const TaskShape> shapes) {
  ChunkOrder order;
  for (const TaskShape& shape : shapes) {
    order.tasks.push_back(FileOrder(0, shape.datapoints));
  }
  return InOrder(shapes, order);
}

absl::StatusOr<ChunkPlan> ChunkPlan::InOrder(std::span<const TaskShape> shapes,
                                             const ChunkOrder& order) {
  if (order.tasks.size() != shapes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("layout has ", order.tasks.size(),
                     " tasks; the campaign has ", shapes.size()));
  }
  ChunkPlan plan;
  for (size_t task = 0; task < shapes.size(); ++task) {
    RETURN_IF_ERROR(CheckPermutation(order.tasks[task], shapes[task].datapoints,
                                     static_cast<int>(task)));
    ASSIGN_OR_RETURN(std::vector<Chunk> chunks,
                     CutChunks(order.tasks[task], shapes[task].chunk_size));
    plan.tasks_.push_back(std::move(chunks));
  }
  return plan;
}

absl::StatusOr<std::vector<ChunkPlan::Reference>> ChunkPlan::Select(
    const v1::Job& job) const {
  std::vector<Reference> references;
  if (job.chunks().empty()) {
    for (int task = 0; task < tasks(); ++task) {
      const int chunks = static_cast<int>(tasks_[task].size());
      for (int chunk = 0; chunk < chunks; ++chunk) {
        references.push_back({task, chunk});
      }
    }
    return references;
  }
  for (const v1::ChunkSet& set : job.chunks()) {
    if (set.task() < 0 || set.task() >= tasks()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "job.chunks names task ", set.task(), "; there are ", tasks()));
    }
    const auto chunks = static_cast<int64_t>(tasks_[set.task()].size());
    for (const int32_t chunk : set.chunks()) {
      if (chunk < 0 || chunk >= chunks) {
        return absl::InvalidArgumentError(
            absl::StrCat("job.chunks names chunk ", chunk, " of task ",
                         set.task(), "; there are ", chunks));
      }
      references.push_back({set.task(), chunk});
    }
  }
  return references;
}

}  // namespace merganser
