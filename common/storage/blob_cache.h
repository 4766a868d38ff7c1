// Blobs that a worker keeps in memory.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/base/digest.h"

namespace merganser {

// What a blob is; its name is the digest that it is asked for by.
using Blob = std::string;

// Keeps blobs up to a number of bytes, and drops the ones whose last use is
// longest ago. A blob that somebody holds is never dropped, so the bound may be
// passed while all that is in it is held; it is kept again with the next Put().
// Threads: safe.
class BlobCache {
 public:
  explicit BlobCache(int64_t max_bytes) : max_bytes_(max_bytes) {}
  BlobCache(const BlobCache&) = delete;
  BlobCache& operator=(const BlobCache&) = delete;

  // Null when it is not here; counts as a use.
  std::shared_ptr<const Blob> Get(const Digest& digest);
  // Takes in a blob whose digest the caller has checked, and returns it; or the
  // one that is here already. Counts as a use.
  std::shared_ptr<const Blob> Put(const Digest& digest, Blob bytes);
  std::shared_ptr<const Blob> Put(const Digest& digest,
                                  std::shared_ptr<const Blob> blob);
  // Holders keep theirs. Nothing happens when it is not here.
  void Erase(const Digest& digest);

  // Of all blobs in it.
  int64_t total_bytes() const;

 private:
  struct Entry {
    Digest digest;
    std::shared_ptr<const Blob> blob;
  };
  using Entries = std::list<Entry>;

  void DropUnused() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int64_t max_bytes_;
  mutable absl::Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);  // the last used one first
  std::map<Digest, Entries::iterator> places_ ABSL_GUARDED_BY(mutex_);
  int64_t total_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace merganser
