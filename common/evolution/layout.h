// In which order, and in which company, datapoints are evaluated.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/evolution/archive.h"

namespace merganser {

// A group of datapoints that is evaluated as one batch of one shape.
struct Chunk {
  // Shape: [chunk_size]. The first real_count are the chunk's own; the rest
  // repeat the first one, and their scores are ignored.
  std::vector<uint32_t> datapoints;
  int real_count = 0;
};

// The datapoints begin … end-1 (one task's), least contested first: by
// (niche load ascending, index). Children that solve nothing new show early.
// Errors: InvalidArgument unless 0 <= begin <= end <= N.
absl::StatusOr<std::vector<uint32_t>> LayoutOrder(const Archive& archive,
                                                  int64_t begin, int64_t end);

// The datapoints begin … end-1 as they stand in their file: the order of seeds
// and of the holdout. 0 <= begin <= end < 2^32.
std::vector<uint32_t> FileOrder(int64_t begin, int64_t end);

// Cuts an order into chunks of chunk_size; only the last one is padded.
// Errors: InvalidArgument unless chunk_size is at least 1.
absl::StatusOr<std::vector<Chunk>> CutChunks(std::span<const uint32_t> order,
                                             int chunk_size);

}  // namespace merganser
