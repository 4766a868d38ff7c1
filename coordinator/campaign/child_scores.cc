#include "coordinator/campaign/child_scores.h"

#include <algorithm>

namespace merganser {

ChunkDealer::ChunkDealer(std::span<const TaskExtent> tasks, int shards)
    : tasks_(tasks) {
  for (const TaskExtent& task : tasks_) chunks_ += ChunkCount(task);
  shards_ = static_cast<int>(
      std::clamp<int64_t>(shards, 1, std::max<int64_t>(1, chunks_)));
}

bool ChunkDealer::IsKnown(int part, const ChunkAssembly& chunks) const {
  return chunks.complete() || Missing(part, &chunks).empty();
}

std::vector<v1::ChunkSet> ChunkDealer::Missing(
    int part, const ChunkAssembly* chunks) const {
  std::vector<v1::ChunkSet> sets;
  int64_t number = 0;
  for (size_t task = 0; task < tasks_.size(); ++task) {
    v1::ChunkSet set;
    set.set_task(static_cast<int32_t>(task));
    const int64_t count = ChunkCount(tasks_[task]);
    for (int64_t chunk = 0; chunk < count; ++chunk, ++number) {
      if (number % shards_ != part % shards_) continue;
      if (chunks != nullptr && chunks->known(static_cast<int>(task), chunk)) {
        continue;
      }
      set.add_chunks(static_cast<int32_t>(chunk));
    }
    if (set.chunks_size() > 0) sets.push_back(std::move(set));
  }
  return sets;
}

std::vector<int> ChildScores::OpenParts(const ChunkDealer& dealer) {
  std::vector<int> opened;
  for (int shard = 0; shard < dealer.shards(); ++shard) {
    if (chunks.has_value() && dealer.IsKnown(shard, *chunks)) continue;
    opened.push_back(round * dealer.shards() + shard);
  }
  open_parts.insert(opened.begin(), opened.end());
  return opened;
}

}  // namespace merganser
