#include "common/storage/blob_cache.h"

#include <utility>

namespace merganser {

std::shared_ptr<const Blob> BlobCache::Get(const Digest& digest) {
  absl::MutexLock lock(&mutex_);
  const auto found = places_.find(digest);
  if (found == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->blob;
}

std::shared_ptr<const Blob> BlobCache::Put(const Digest& digest, Blob bytes) {
  return Put(digest, std::make_shared<const Blob>(std::move(bytes)));
}

std::shared_ptr<const Blob> BlobCache::Put(const Digest& digest,
                                           std::shared_ptr<const Blob> blob) {
  absl::MutexLock lock(&mutex_);
  const auto found = places_.find(digest);
  if (found != places_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->blob;
  }
  entries_.push_front({digest, blob});
  places_[digest] = entries_.begin();
  total_bytes_ += static_cast<int64_t>(blob->size());
  DropUnused();
  return blob;
}

void BlobCache::Erase(const Digest& digest) {
  absl::MutexLock lock(&mutex_);
  const auto found = places_.find(digest);
  if (found == places_.end()) return;
  total_bytes_ -= static_cast<int64_t>(found->second->blob->size());
  entries_.erase(found->second);
  places_.erase(found);
}

int64_t BlobCache::total_bytes() const {
  absl::MutexLock lock(&mutex_);
  return total_bytes_;
}

void BlobCache::DropUnused() {
  auto entry = entries_.end();
  while (total_bytes_ > max_bytes_ && entry != entries_.begin()) {
    --entry;
    // Ours alone, and only we could hand out another.
    if (entry->blob.use_count() > 1) continue;
    total_bytes_ -= static_cast<int64_t>(entry->blob->size());
    places_.erase(entry->digest);
    entry = entries_.erase(entry);
  }
}

}  // namespace merganser
