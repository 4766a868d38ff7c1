// What BlobService keeps across its calls.
#pragma once

#include <cstdint>
#include <list>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/digest.h"
#include "common/storage/blob_store.h"

namespace merganser {

// Counts transfers, and keeps what has come of broken writes.
// Threads: safe.
class BlobTransfers {
 public:
  using Writer = std::unique_ptr<BlobStore::Writer>;

  // Borrows the store.
  BlobTransfers(BlobStore& store, int max_transfers, int max_partial_writes)
      : store_(store),
        max_transfers_(max_transfers),
        max_partial_writes_(max_partial_writes) {}

  // A transfer is under way for as long as it is held.
  using Slot = std::shared_ptr<void>;
  // Errors: Unavailable when too many are.
  absl::StatusOr<Slot> TakeSlot();

  // A writer that has got as far as `resume_offset`.
  // Errors: Aborted when there is none; those of BlobStore::StartWrite().
  absl::StatusOr<Writer> Begin(const Digest& digest, int64_t size_bytes,
                               int64_t resume_offset);
  // Keeps it for a later Begin(); drops it if nothing has been written.
  void Keep(const Digest& digest, Writer writer);
  // How far the kept writer of this blob has got; 0 if there is none.
  int64_t PartialBytes(const Digest& digest) const;

 private:
  struct Partial {
    Digest digest;
    Writer writer;
  };

  Writer TakePartial(const Digest& digest);
  // Whether there was one.
  bool DropOldestPartial();

  BlobStore& store_;
  const int max_transfers_;
  const int max_partial_writes_;
  mutable absl::Mutex mutex_;
  int transfers_ ABSL_GUARDED_BY(mutex_) = 0;
  std::list<Partial> partials_ ABSL_GUARDED_BY(mutex_);  // oldest first
};

}  // namespace merganser
