#include "worker/tasks/batch_cache.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "common/base/status_macros.h"

namespace merganser {

BatchCache::BatchCache(const CampaignData& data, const Mlp& model)
    : data_(data), model_(model) {}

absl::StatusOr<const BatchSet*> BatchCache::Search(const ChunkOrder* order) {
  return Find(Part::kSearch, order);
}

absl::StatusOr<const BatchSet*> BatchCache::Holdout() {
  return Find(Part::kHoldout, nullptr);
}

absl::StatusOr<const BatchSet*> BatchCache::Find(Part part,
                                                 const ChunkOrder* order) {
  const int64_t version = order == nullptr ? kFileOrder : order->version;
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return entry.part == part && entry.version == version;
      });
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
    return &entries_.front().batches;
  }
  ASSIGN_OR_RETURN(BatchSet batches, Gather(part, order));
  if (entries_.size() == kCapacity) entries_.pop_back();
  entries_.push_front({part, version, std::move(batches)});
  return &entries_.front().batches;
}

absl::StatusOr<BatchSet> BatchCache::Gather(Part part,
                                            const ChunkOrder* order) const {
  const std::vector<TaskShape> shapes =
      part == Part::kSearch ? data_.SearchShapes() : data_.HoldoutShapes();
  ASSIGN_OR_RETURN(ChunkPlan plan, order == nullptr
                                       ? ChunkPlan::InFileOrder(shapes)
                                       : ChunkPlan::InOrder(shapes, *order));
  BatchSet batches{std::move(plan), {}};
  for (int task = 0; task < batches.plan.tasks(); ++task) {
    const TaskData& data = data_.tasks()[static_cast<size_t>(task)];
    batches.tasks.emplace_back();
    if (shapes[static_cast<size_t>(task)].datapoints == 0) continue;
    const CsvDataset& dataset =
        part == Part::kSearch ? data.search : *data.holdout;
    ASSIGN_OR_RETURN(batches.tasks.back(),
                     GatherTask(dataset, batches.plan.task(task)));
  }
  return batches;
}

absl::StatusOr<std::vector<Batch>> BatchCache::GatherTask(
    const CsvDataset& dataset, std::span<const Chunk> chunks) const {
  std::vector<Batch> batches;
  std::vector<float> rows;
  for (const Chunk& chunk : chunks) {
    rows.clear();
    for (const uint32_t datapoint : chunk.datapoints) {
      std::copy_n(dataset.features.begin() + datapoint * dataset.columns,
                  dataset.columns, std::back_inserter(rows));
    }
    Batch batch;
    ASSIGN_OR_RETURN(batch.rows, model_.ToDevice(rows));
    for (int i = 0; i < chunk.real_count; ++i) {
      batch.labels.push_back(
          dataset.labels[chunk.datapoints[static_cast<size_t>(i)]]);
    }
    batches.push_back(std::move(batch));
  }
  return batches;
}

}  // namespace merganser
