#include "common/schedule/chunk_assembly.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace merganser {

int64_t ChunkCount(const TaskExtent& task) {
  return (task.end - task.begin + task.chunk_size - 1) / task.chunk_size;
}

ChunkAssembly::ChunkAssembly(ScoreKind kind, std::span<const TaskExtent> tasks,
                             LayoutOrderPointer order)
    : kind_(kind),
      tasks_(tasks),
      order_(std::move(order)),
      scores_(order_->size()) {
  for (const TaskExtent& task : tasks_) {
    known_.emplace_back(ChunkCount(task), false);
    missing_ += ChunkCount(task);
  }
}

absl::StatusOr<ChunkOutcome> ChunkAssembly::Add(int task, int64_t chunk,
                                                std::string_view packed) {
  if (task < 0 || task >= static_cast<int>(tasks_.size())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "chunks.task: expected 0 … ", tasks_.size() - 1, "; got ", task));
  }
  const TaskExtent& extent = tasks_[task];
  if (chunk < 0 || chunk >= ChunkCount(extent)) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunks.chunk: expected 0 … ", ChunkCount(extent) - 1,
                     "; got ", chunk));
  }
  const int64_t begin = extent.begin + chunk * extent.chunk_size;
  const int64_t end = std::min(begin + extent.chunk_size, extent.end);
  absl::StatusOr<std::vector<uint32_t>> scores =
      UnpackScores(kind_, end - begin, packed);
  if (!scores.ok()) return Annotate(scores.status(), "chunks.scores");
  const std::span<const uint32_t> members(order_->data() + begin, end - begin);
  if (known_[task][chunk]) {
    for (size_t i = 0; i < members.size(); ++i) {
      if (scores_[members[i]] != (*scores)[i]) return ChunkOutcome::kConflict;
    }
    return ChunkOutcome::kRepeat;
  }
  for (size_t i = 0; i < members.size(); ++i) {
    scores_[members[i]] = (*scores)[i];
  }
  known_[task][chunk] = true;
  --missing_;
  return ChunkOutcome::kNew;
}

std::vector<int32_t> ChunkAssembly::MissingChunks(int task) const {
  std::vector<int32_t> missing;
  for (size_t i = 0; i < known_[task].size(); ++i) {
    if (!known_[task][i]) missing.push_back(static_cast<int32_t>(i));
  }
  return missing;
}

}  // namespace merganser
