#include "common/schedule/chunk_assembly.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace merganser {

int64_t ChunkCount(const TaskExtent& task) {
  return (task.end - task.begin + task.chunk_size - 1) / task.chunk_size;
}

std::span<const uint32_t> ChunkMembers(const TaskExtent& task, int64_t chunk,
                                       std::span<const uint32_t> order) {
  const int64_t begin = task.begin + chunk * task.chunk_size;
  const int64_t end = std::min(begin + task.chunk_size, task.end);
  return order.subspan(begin, end - begin);
}

ChunkAssembly::ChunkAssembly(ScoreKind kind, std::span<const TaskExtent> tasks,
                             LayoutOrderPointer order)
    : kind_(kind),
      tasks_(tasks),
      order_(std::move(order)),
      scores_(order_->size()) {
  for (const TaskExtent& task : tasks_) {
    known_.emplace_back(ChunkCount(task), false);
    chunks_ += ChunkCount(task);
  }
  missing_ = chunks_;
}

ChunkAssembly::ChunkAssembly(ScoreKind kind, std::span<const TaskExtent> tasks,
                             LayoutOrderPointer order,
                             std::vector<uint32_t> scores)
    : ChunkAssembly(kind, tasks, std::move(order)) {
  scores_ = std::move(scores);
  for (std::vector<bool>& task : known_) task.assign(task.size(), true);
  missing_ = 0;
}

absl::StatusOr<ChunkAssembly> ChunkAssembly::Unpack(
    ScoreKind kind, std::span<const TaskExtent> tasks, LayoutOrderPointer order,
    const PackedChunks& packed) {
  ChunkAssembly assembly(kind, tasks, std::move(order));
  absl::StatusOr<std::vector<uint32_t>> known =
      UnpackScores(ScoreKind::kBinary, assembly.chunks_, packed.known_chunks);
  if (!known.ok()) return Annotate(known.status(), "known_chunks");
  int64_t next = 0;
  for (std::vector<bool>& task : assembly.known_) {
    for (size_t chunk = 0; chunk < task.size(); ++chunk) {
      task[chunk] = (*known)[next++] != 0;
      assembly.missing_ -= task[chunk] ? 1 : 0;
    }
  }
  const std::vector<uint32_t> datapoints = assembly.KnownDatapoints();
  absl::StatusOr<std::vector<uint32_t>> scores = UnpackScores(
      kind, static_cast<int64_t>(datapoints.size()), packed.scores);
  if (!scores.ok()) return Annotate(scores.status(), "scores");
  for (size_t i = 0; i < datapoints.size(); ++i) {
    assembly.scores_[datapoints[i]] = (*scores)[i];
  }
  return assembly;
}

PackedChunks ChunkAssembly::Pack() const {
  std::vector<uint32_t> known;
  known.reserve(chunks_);
  for (const std::vector<bool>& task : known_) {
    known.insert(known.end(), task.begin(), task.end());
  }
  std::vector<uint32_t> scores = KnownDatapoints();
  for (uint32_t& score : scores) score = scores_[score];
  return {.known_chunks = PackScores(ScoreKind::kBinary, known),
          .scores = PackScores(kind_, scores)};
}

std::vector<uint32_t> ChunkAssembly::KnownDatapoints() const {
  std::vector<uint32_t> datapoints;
  datapoints.reserve(order_->size());
  VisitKnown([&](int task, int64_t chunk) {
    const auto members = ChunkMembers(tasks_[task], chunk, *order_);
    datapoints.insert(datapoints.end(), members.begin(), members.end());
  });
  return datapoints;
}

std::string ChunkAssembly::PackChunk(int task, int64_t chunk) const {
  std::vector<uint32_t> scores;
  for (const uint32_t j : ChunkMembers(tasks_[task], chunk, *order_)) {
    scores.push_back(scores_[j]);
  }
  return PackScores(kind_, scores);
}

void ChunkAssembly::VisitKnown(
    absl::FunctionRef<void(int, int64_t)> visit) const {
  for (size_t task = 0; task < known_.size(); ++task) {
    for (size_t chunk = 0; chunk < known_[task].size(); ++chunk) {
      if (known_[task][chunk]) {
        visit(static_cast<int>(task), static_cast<int64_t>(chunk));
      }
    }
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
  const std::span<const uint32_t> members =
      ChunkMembers(extent, chunk, *order_);
  absl::StatusOr<std::vector<uint32_t>> scores =
      UnpackScores(kind_, static_cast<int64_t>(members.size()), packed);
  if (!scores.ok()) return Annotate(scores.status(), "chunks.scores");
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

bool ChunkAssembly::HasChunk(int task, int64_t chunk) const {
  return task >= 0 && task < static_cast<int>(tasks_.size()) && chunk >= 0 &&
         chunk < ChunkCount(tasks_[task]);
}

}  // namespace merganser
