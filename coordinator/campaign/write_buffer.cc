#include "coordinator/campaign/write_buffer.h"

namespace merganser {

Batch WriteBuffer::Take() {
  Batch batch;
  batch.writes.reserve(writes_.size());
  for (auto& [place, value] : writes_) {
    batch.writes.push_back({place.first, place.second, std::move(value)});
  }
  batch.appends = std::move(appends_);
  writes_.clear();
  appends_.clear();
  return batch;
}

}  // namespace merganser
