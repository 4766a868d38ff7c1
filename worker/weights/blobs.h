// Where weights of candidates come from, and where they go.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/storage/blob_cache.h"
#include "grpcpp/channel.h"
#include "worker/weights/blob_client.h"

namespace merganser {

// Threads: safe; every call may block its caller.
class Blobs {
 public:
  virtual ~Blobs() = default;

  // All bytes, whose digest is checked.
  // Errors: NotFound when the blob is nowhere; otherwise see WorthRepeating().
  virtual absl::StatusOr<std::shared_ptr<const Blob>> Fetch(
      const Digest& digest) = 0;

  // Keeps a blob, for others too where that is possible. `digest` is that of
  // the blob. Whatever becomes of it, Fetch() finds it here for a while.
  virtual absl::Status Store(const Digest& digest,
                             std::shared_ptr<const Blob> blob) = 0;

  // Ends all calls under way, and those to come, with Cancelled.
  virtual void Cancel() {}
};

// Whether a failed call may succeed later: the connection broke, nobody
// answered, or we gave it up.
bool WorthRepeating(const absl::Status& status);

// NotFound of weights that are needed, with their digest for MissingBlobOf().
absl::Status MissingBlob(const Digest& digest, const std::string& message);
// What a MissingBlob() status is about; empty for any other.
std::optional<Digest> MissingBlobOf(const absl::Status& status);

// The coordinator's blobs, and a cache in front of them.
class CoordinatorBlobs : public Blobs {
 public:
  // `cache_bytes`: memory for blobs that nobody holds.
  CoordinatorBlobs(const std::shared_ptr<grpc::Channel>& channel,
                   int64_t cache_bytes, BlobClient::Options options = {})
      : client_(channel, options),
        cache_(cache_bytes),
        metrics_(options.metrics) {}

  // A blob that the coordinator has lost, or sends damaged, is NotFound.
  absl::StatusOr<std::shared_ptr<const Blob>> Fetch(
      const Digest& digest) override;
  // OK once the coordinator has it.
  absl::Status Store(const Digest& digest,
                     std::shared_ptr<const Blob> blob) override;
  void Cancel() override { client_.Cancel(); }

  // Of the blobs in memory.
  int64_t cached_bytes() const { return cache_.total_bytes(); }

 private:
  BlobClient client_;
  BlobCache cache_;
  const WorkerMetrics metrics_;
};

// The files of a folder, each named by its digest in hexadecimal, as BlobStore
// names them. Nothing is ever written there: what is stored is in the cache
// alone.
class FolderBlobs : public Blobs {
 public:
  // `directory` empty: there is none.
  FolderBlobs(std::string directory, int64_t cache_bytes)
      : directory_(std::move(directory)), cache_(cache_bytes) {}

  // Errors: DataLoss when the file holds other bytes than its name says.
  absl::StatusOr<std::shared_ptr<const Blob>> Fetch(
      const Digest& digest) override;
  absl::Status Store(const Digest& digest,
                     std::shared_ptr<const Blob> blob) override;

 private:
  const std::string directory_;
  BlobCache cache_;
};

}  // namespace merganser
