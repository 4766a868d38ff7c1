#include "common/evolution/layout.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace merganser {

absl::StatusOr<std::vector<uint32_t>> LayoutOrder(const Archive& archive,
                                                  int64_t begin, int64_t end) {
  if (begin < 0 || begin > end || end > archive.datapoints()) {
    return absl::InvalidArgumentError(
        absl::StrCat("datapoints of a task: expected a range within 0 to ",
                     archive.datapoints(), ", got ", begin, " to ", end));
  }
  std::vector<uint32_t> order = FileOrder(begin, end);
  const std::span<const uint64_t> load = archive.niche_load();
  std::sort(order.begin(), order.end(), [load](uint32_t a, uint32_t b) {
    return load[a] != load[b] ? load[a] < load[b] : a < b;
  });
  return order;
}

std::vector<uint32_t> FileOrder(int64_t begin, int64_t end) {
  std::vector<uint32_t> order(end - begin);
  std::iota(order.begin(), order.end(), static_cast<uint32_t>(begin));
  return order;
}

absl::StatusOr<std::vector<Chunk>> CutChunks(std::span<const uint32_t> order,
                                             int chunk_size) {
  if (chunk_size < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunk_size: expected at least 1, got ", chunk_size));
  }
  std::vector<Chunk> chunks;
  while (!order.empty()) {
    const size_t real = std::min(order.size(), static_cast<size_t>(chunk_size));
    Chunk chunk;
    chunk.real_count = static_cast<int>(real);
    chunk.datapoints.assign(order.begin(), order.begin() + real);
    chunk.datapoints.resize(chunk_size, order.front());
    chunks.push_back(std::move(chunk));
    order = order.subspan(real);
  }
  return chunks;
}

}  // namespace merganser
