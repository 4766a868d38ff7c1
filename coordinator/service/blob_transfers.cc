#include "coordinator/service/blob_transfers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace merganser {

absl::StatusOr<BlobTransfers::Slot> BlobTransfers::TakeSlot() {
  absl::MutexLock lock(&mutex_);
  if (transfers_ >= max_transfers_) {
    return absl::UnavailableError(absl::StrCat(
        "all ", max_transfers_, " transfers of blobs are under way"));
  }
  ++transfers_;
  return Slot(this, [](BlobTransfers* transfers) {
    absl::MutexLock lock(&transfers->mutex_);
    --transfers->transfers_;
  });
}

absl::StatusOr<BlobTransfers::Writer> BlobTransfers::Begin(
    const Digest& digest, int64_t size_bytes, int64_t resume_offset) {
  Writer partial = TakePartial(digest);
  if (resume_offset != 0) {
    const int64_t written = partial == nullptr ? 0 : partial->written_bytes();
    if (written == resume_offset && partial->size_bytes() == size_bytes) {
      return partial;
    }
    if (partial != nullptr) Keep(digest, std::move(partial));
    return absl::AbortedError(absl::StrCat("header.resume_offset: is ",
                                           resume_offset, "; ", written,
                                           " bytes are kept"));
  }
  partial.reset();
  absl::StatusOr<Writer> writer = store_.StartWrite(digest, size_bytes);
  while (absl::IsResourceExhausted(writer.status()) && DropOldestPartial()) {
    writer = store_.StartWrite(digest, size_bytes);
  }
  return writer;
}

void BlobTransfers::Keep(const Digest& digest, Writer writer) {
  if (writer->written_bytes() == 0) return;
  TakePartial(digest);
  {
    absl::MutexLock lock(&mutex_);
    partials_.push_back({digest, std::move(writer)});
    if (partials_.size() <= static_cast<size_t>(max_partial_writes_)) return;
  }
  DropOldestPartial();
}

int64_t BlobTransfers::PartialBytes(const Digest& digest) const {
  absl::MutexLock lock(&mutex_);
  for (const Partial& partial : partials_) {
    if (partial.digest == digest) return partial.writer->written_bytes();
  }
  return 0;
}

BlobTransfers::Writer BlobTransfers::TakePartial(const Digest& digest) {
  absl::MutexLock lock(&mutex_);
  const auto found =
      std::find_if(partials_.begin(), partials_.end(),
                   [&](const Partial& p) { return p.digest == digest; });
  if (found == partials_.end()) return nullptr;
  Writer writer = std::move(found->writer);
  partials_.erase(found);
  return writer;
}

bool BlobTransfers::DropOldestPartial() {
  Writer dropped;  // after the lock: it removes a file
  absl::MutexLock lock(&mutex_);
  if (partials_.empty()) return false;
  dropped = std::move(partials_.front().writer);
  partials_.pop_front();
  return true;
}

}  // namespace merganser
