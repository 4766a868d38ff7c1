// Datapoints laid out on the device as the chunks want them.
#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <vector>

#include "ATen/core/Tensor.h"
#include "absl/status/statusor.h"
#include "worker/models/mlp.h"
#include "worker/tasks/chunk_plan.h"
#include "worker/weights/campaign_data.h"

namespace merganser {

// One chunk, ready for the forward pass.
struct Batch {
  at::Tensor rows;              // [chunk_size][inputs], padding included
  std::vector<int32_t> labels;  // of the chunk's own datapoints
};

// All chunks of all tasks under one order.
struct BatchSet {
  ChunkPlan plan;
  std::vector<std::vector<Batch>> tasks;  // [tasks][chunks]
};

// Keeps the batches of the orders that are in use: a permuted copy of the
// datasets for each, so that a chunk costs no more than its forward pass. The
// least recently used ones go.
// Threads: none; its evaluator guards it.
class BatchCache {
 public:
  // Orders kept at once: file order of search and holdout datapoints, and
  // three layouts. A window crosses into the next layout while the last one is
  // still open.
  static constexpr size_t kCapacity = 5;

  // Both are borrowed.
  BatchCache(const CampaignData& data, const Mlp& model);

  // `order` null: file order. Valid until the next call.
  // Errors: InvalidArgument for an order that does not fit the campaign.
  absl::StatusOr<const BatchSet*> Search(const ChunkOrder* order);
  absl::StatusOr<const BatchSet*> Holdout();

 private:
  enum class Part { kSearch, kHoldout };
  struct Entry {
    Part part;
    int64_t version;
    BatchSet batches;
  };

  absl::StatusOr<const BatchSet*> Find(Part part, const ChunkOrder* order);
  absl::StatusOr<BatchSet> Gather(Part part, const ChunkOrder* order) const;
  absl::StatusOr<std::vector<Batch>> GatherTask(
      const CsvDataset& dataset, std::span<const Chunk> chunks) const;

  const CampaignData& data_;
  const Mlp& model_;
  std::list<Entry> entries_;  // the most recently used first
};

}  // namespace merganser
