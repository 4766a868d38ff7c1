#include "worker/weights/blob_client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/net/grpc_status.h"
#include "common/net/limits.h"
#include "worker/session/back_off.h"
#include "worker/weights/blob_calls.h"

namespace merganser {
namespace {

// A broken stream, or one that a chunk was damaged on.
bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return true;
    default:
      return false;
  }
}

}  // namespace

// A call under way, which Cancel() finds.
class BlobClient::Attempt {
 public:
  explicit Attempt(BlobClient& client) : client_(client) {
    absl::MutexLock lock(&client_.mutex_);
    client_.contexts_.insert(&context);
    if (client_.cancelled_) context.TryCancel();
  }
  ~Attempt() {
    absl::MutexLock lock(&client_.mutex_);
    client_.contexts_.erase(&context);
  }

  grpc::ClientContext context;

 private:
  BlobClient& client_;
};

// When to try again, and when to stop.
class BlobClient::Attempts {
 public:
  explicit Attempts(BlobClient& client) : client_(client) {}

  // Whether to go on after `status`; waits then. `done_bytes`: how far the
  // transfer has got.
  bool Continue(const absl::Status& status, int64_t done_bytes) {
    if (done_bytes > done_bytes_) {
      back_off_.Reset();
      failed_ = 0;
    }
    done_bytes_ = done_bytes;
    if (!IsTransient(status) || ++failed_ >= client_.options_.attempts) {
      return false;
    }
    absl::MutexLock lock(&client_.mutex_);
    return !client_.mutex_.AwaitWithTimeout(
        absl::Condition(&client_.cancelled_), back_off_.Next());
  }

 private:
  BlobClient& client_;
  BackOff back_off_;
  int64_t done_bytes_ = 0;
  int failed_ = 0;
};

BlobClient::BlobClient(const std::shared_ptr<grpc::Channel>& channel,
                       Options options)
    : options_(options), stub_(v1::BlobService::NewStub(channel)) {}

void BlobClient::Cancel() {
  absl::MutexLock lock(&mutex_);
  cancelled_ = true;
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
}

absl::StatusOr<std::vector<BlobClient::State>> BlobClient::Stat(
    std::span<const Digest> digests) {
  v1::StatBlobsRequest request;
  for (const Digest& digest : digests) request.add_digests(digest.ToBytes());
  v1::StatBlobsResponse response;
  Attempt attempt(*this);
  attempt.context.set_deadline(
      std::chrono::system_clock::now() +
      absl::ToChronoMilliseconds(options_.progress_timeout));
  RETURN_IF_ERROR(
      StatusFromGrpc(stub_->StatBlobs(&attempt.context, request, &response)));
  if (static_cast<size_t>(response.blobs_size()) != digests.size()) {
    return absl::InternalError("StatBlobs answers for other blobs");
  }
  std::vector<State> states;
  for (const v1::BlobState& blob : response.blobs()) {
    states.push_back({.present = blob.present(),
                      .size_bytes = blob.size_bytes(),
                      .partial_bytes = blob.partial_bytes()});
  }
  return states;
}

// ---- Reading

absl::StatusOr<std::string> BlobClient::Read(const Digest& digest) {
  std::string bytes;
  Attempts attempts(*this);
  absl::Status status = ReadOnce(digest, bytes);
  while (!status.ok() &&
         attempts.Continue(status, static_cast<int64_t>(bytes.size()))) {
    status = ReadOnce(digest, bytes);
  }
  RETURN_IF_ERROR(status);
  if (const Digest got = Sha256(bytes); got != digest) {
    return absl::DataLossError(absl::StrCat(
        "blob ", digest.ToHex(), ": the digest of what came is ", got.ToHex()));
  }
  return bytes;
}

// Appends to `bytes` what comes after them.
absl::Status BlobClient::ReadOnce(const Digest& digest, std::string& bytes) {
  Attempt attempt(*this);
  v1::ReadBlobRequest request;
  request.set_digest(digest.ToBytes());
  request.set_offset(static_cast<int64_t>(bytes.size()));
  SteppedRead<v1::ReadBlobResponse> call(attempt.context,
                                         options_.progress_timeout);
  stub_->async()->ReadBlob(&attempt.context, &request, &call);
  call.Start();
  v1::ReadBlobResponse response;
  absl::Status refused;
  int64_t size_bytes = -1;
  while (refused.ok() && call.Read(&response)) {
    const v1::BlobChunk& chunk = response.chunk();
    size_bytes = response.size_bytes();
    if (size_bytes > options_.max_blob_bytes) {
      refused = absl::ResourceExhaustedError(absl::StrCat(
          "blob ", digest.ToHex(), " has ", size_bytes, " bytes; at most ",
          options_.max_blob_bytes, " are read"));
    } else if (chunk.offset() != static_cast<int64_t>(bytes.size()) ||
               chunk.crc32() != Crc32(chunk.data())) {
      refused = absl::AbortedError(absl::StrCat("blob ", digest.ToHex(),
                                                ": the chunk at ", bytes.size(),
                                                " came damaged"));
    } else {
      bytes.append(chunk.data());
      options_.metrics.received_bytes.Add(
          static_cast<double>(chunk.data().size()));
    }
  }
  if (!refused.ok()) attempt.context.TryCancel();
  const absl::Status status = call.Finish();
  if (!refused.ok()) return refused;
  // All is here, whatever became of the call's end.
  if (size_bytes == static_cast<int64_t>(bytes.size())) return absl::OkStatus();
  RETURN_IF_ERROR(status);
  return absl::AbortedError(absl::StrCat("blob ", digest.ToHex(),
                                         ": the stream ends after ",
                                         bytes.size(), " bytes"));
}

// ---- Writing

absl::Status BlobClient::Write(const Digest& digest, std::string_view bytes) {
  Attempts attempts(*this);
  int64_t offset = 0;
  absl::Status status = WriteOnce(digest, bytes, offset);
  while (true) {
    // A chunk that was damaged on its way is sent again.
    if (absl::IsDataLoss(status)) status = absl::AbortedError(status.message());
    if (status.ok() || !attempts.Continue(status, offset)) return status;
    const absl::StatusOr<std::vector<State>> states = Stat({&digest, 1});
    if (!states.ok()) {
      status = states.status();
      continue;
    }
    if ((*states)[0].present) return absl::OkStatus();
    offset = std::clamp<int64_t>((*states)[0].partial_bytes, 0,
                                 static_cast<int64_t>(bytes.size()));
    status = WriteOnce(digest, bytes, offset);
  }
}

absl::Status BlobClient::WriteOnce(const Digest& digest, std::string_view bytes,
                                   int64_t offset) {
  Attempt attempt(*this);
  v1::WriteBlobResponse response;
  SteppedWrite<v1::WriteBlobRequest> call(attempt.context,
                                          options_.progress_timeout);
  stub_->async()->WriteBlob(&attempt.context, &response, &call);
  call.Start();
  v1::WriteBlobRequest request;
  v1::WriteBlobHeader& header = *request.mutable_header();
  header.set_digest(digest.ToBytes());
  header.set_size_bytes(static_cast<int64_t>(bytes.size()));
  header.set_resume_offset(offset);
  bool open = call.Write(request);
  while (open && offset < static_cast<int64_t>(bytes.size())) {
    const std::string_view data = bytes.substr(offset, kBlobChunkBytes);
    v1::BlobChunk& chunk = *request.mutable_chunk();
    chunk.set_offset(offset);
    chunk.set_data(data.data(), data.size());
    chunk.set_crc32(Crc32(data));
    open = call.Write(request);
    if (open) {
      options_.metrics.sent_bytes.Add(static_cast<double>(data.size()));
    }
    offset += static_cast<int64_t>(data.size());
  }
  if (open) call.WritesDone();
  return call.Finish();
}

}  // namespace merganser
