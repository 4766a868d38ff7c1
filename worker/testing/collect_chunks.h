// Takes all chunks of an evaluation, for tests.
#pragma once

#include <utility>
#include <vector>

#include "merganser/v1/worker_service.pb.h"

namespace merganser {

// A TakeChunk that appends to `chunks`, which is borrowed.
inline auto Into(std::vector<v1::ChunkScores>& chunks) {
  return [&chunks](v1::ChunkScores scores) {
    chunks.push_back(std::move(scores));
    return true;
  };
}

}  // namespace merganser
