// Blobs in memory, for tests of those who use them.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "merganser/v1/genome.pb.h"
#include "worker/weights/blobs.h"

namespace merganser {

// Threads: safe.
class FakeBlobs : public Blobs {
 public:
  absl::StatusOr<std::shared_ptr<const Blob>> Fetch(
      const Digest& digest) override {
    absl::MutexLock lock(&mutex_);
    ++fetches_;
    if (!fetch_fault_.ok()) return std::exchange(fetch_fault_, {});
    const auto found = blobs_.find(digest);
    if (found == blobs_.end()) return absl::NotFoundError("absent");
    return found->second;
  }

  absl::Status Store(const Digest& digest,
                     std::shared_ptr<const Blob> blob) override {
    absl::MutexLock lock(&mutex_);
    ++stores_;
    const auto may_go_on = [this] {
      mutex_.AssertHeld();
      return !holding_ || cancelled_;
    };
    mutex_.Await(absl::Condition(&may_go_on));
    if (cancelled_) return absl::CancelledError("cancelled");
    if (!store_fault_.ok()) return store_fault_;
    blobs_[digest] = std::move(blob);
    return absl::OkStatus();
  }

  void Cancel() override {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
  }

  // For the test.

  // Stores a blob, and returns what names it.
  v1::WeightsRef Add(Blob bytes) {
    const Digest digest = Sha256(bytes);
    v1::WeightsRef reference;
    reference.set_digest(digest.ToBytes());
    reference.set_size_bytes(static_cast<int64_t>(bytes.size()));
    absl::MutexLock lock(&mutex_);
    blobs_[digest] = std::make_shared<const Blob>(std::move(bytes));
    return reference;
  }
  bool Has(const v1::WeightsRef& reference) {
    absl::MutexLock lock(&mutex_);
    return blobs_.contains(*Digest::FromBytes(reference.digest()));
  }
  // Calls of Store() do not end before Release(), or Cancel().
  void HoldStores() {
    absl::MutexLock lock(&mutex_);
    holding_ = true;
  }
  void Release() {
    absl::MutexLock lock(&mutex_);
    holding_ = false;
  }
  void FailStores(const absl::Status& fault) {
    absl::MutexLock lock(&mutex_);
    store_fault_ = fault;
  }
  void FailNextFetch(const absl::Status& fault) {
    absl::MutexLock lock(&mutex_);
    fetch_fault_ = fault;
  }
  // Blocks until so many calls of Store() have begun.
  void AwaitStores(int stores) {
    const auto begun = [this, stores] {
      mutex_.AssertHeld();
      return stores_ >= stores;
    };
    absl::MutexLock lock(&mutex_, absl::Condition(&begun));
  }
  int stores() {
    absl::MutexLock lock(&mutex_);
    return stores_;
  }
  int fetches() {
    absl::MutexLock lock(&mutex_);
    return fetches_;
  }

 private:
  absl::Mutex mutex_;
  std::map<Digest, std::shared_ptr<const Blob>> blobs_ ABSL_GUARDED_BY(mutex_);
  absl::Status fetch_fault_ ABSL_GUARDED_BY(mutex_);
  absl::Status store_fault_ ABSL_GUARDED_BY(mutex_);
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  int stores_ ABSL_GUARDED_BY(mutex_) = 0;
  int fetches_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace merganser
