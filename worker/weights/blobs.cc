#include "worker/weights/blobs.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

constexpr char kMissingBlobPayload[] = "merganser/missing-blob";
constexpr int64_t kMaximumBlobBytes = int64_t{16} << 30;

}  // namespace

bool WorthRepeating(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsAborted(status) || absl::IsCancelled(status);
}

absl::Status MissingBlob(const Digest& digest, const std::string& message) {
  absl::Status status = absl::NotFoundError(message);
  status.SetPayload(kMissingBlobPayload, absl::Cord(digest.ToBytes()));
  return status;
}

std::optional<Digest> MissingBlobOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kMissingBlobPayload);
  if (!payload.has_value()) return std::nullopt;
  const auto digest = Digest::FromBytes(std::string(*payload));
  return digest.ok() ? std::optional(*digest) : std::nullopt;
}

// ---- Of the coordinator

absl::StatusOr<std::shared_ptr<const Blob>> CoordinatorBlobs::Fetch(
    const Digest& digest) {
  if (auto cached = cache_.Get(digest); cached != nullptr) {
    metrics_.cache_hits.Add();
    return cached;
  }
  metrics_.cache_misses.Add();
  absl::StatusOr<std::string> bytes = client_.Read(digest);
  if (absl::IsDataLoss(bytes.status())) {
    return absl::NotFoundError(bytes.status().message());
  }
  RETURN_IF_ERROR(bytes.status());
  return cache_.Put(digest, *std::move(bytes));
}

absl::Status CoordinatorBlobs::Store(const Digest& digest,
                                     std::shared_ptr<const Blob> blob) {
  const auto kept = cache_.Put(digest, std::move(blob));
  return client_.Write(digest, *kept);
}

// ---- Of a folder

absl::StatusOr<std::shared_ptr<const Blob>> FolderBlobs::Fetch(
    const Digest& digest) {
  if (auto cached = cache_.Get(digest); cached != nullptr) return cached;
  if (directory_.empty()) {
    return absl::NotFoundError(absl::StrCat("no blob ", digest.ToHex()));
  }
  const std::string path = absl::StrCat(directory_, "/", digest.ToHex());
  ASSIGN_OR_RETURN(std::string bytes, ReadFile(path, kMaximumBlobBytes));
  if (const Digest got = Sha256(bytes); got != digest) {
    return absl::DataLossError(
        absl::StrCat(path, ": the digest of its bytes is ", got.ToHex()));
  }
  return cache_.Put(digest, std::move(bytes));
}

absl::Status FolderBlobs::Store(const Digest& digest,
                                std::shared_ptr<const Blob> blob) {
  cache_.Put(digest, std::move(blob));
  return absl::OkStatus();
}

}  // namespace merganser
