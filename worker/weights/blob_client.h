// Brings blobs from the coordinator and to it.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/digest.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "merganser/v1/blob_service.grpc.pb.h"
#include "worker/telemetry/worker_metrics.h"

namespace merganser {

// Calls that break go on where they were, after a wait that doubles from 0.1 s.
// Threads: safe; every call blocks its caller, and no lock is held meanwhile.
class BlobClient {
 public:
  struct Options {
    // Longest time without a further chunk; a call has no limit of its own.
    absl::Duration progress_timeout = absl::Seconds(30);
    // Attempts without a byte of progress before a call fails.
    int attempts = 5;
    // Larger blobs are not read.
    int64_t max_blob_bytes = int64_t{16} << 30;
    WorkerMetrics metrics;
  };

  struct State {
    bool present = false;
    int64_t size_bytes = 0;
    // Of a write that broke off.
    int64_t partial_bytes = 0;
  };

  BlobClient(const std::shared_ptr<grpc::Channel>& channel, Options options);
  explicit BlobClient(const std::shared_ptr<grpc::Channel>& channel)
      : BlobClient(channel, Options()) {}
  BlobClient(const BlobClient&) = delete;
  BlobClient& operator=(const BlobClient&) = delete;

  // In the order of `digests`, at most 1024.
  // Errors: as the RPC.
  absl::StatusOr<std::vector<State>> Stat(std::span<const Digest> digests);

  // All bytes, checked against the digest.
  // Errors: NotFound, DataLoss as the RPC; DataLoss when the coordinator sends
  // other bytes than the digest's; ResourceExhausted when it is too large; what
  // the last attempt said; Cancelled.
  absl::StatusOr<std::string> Read(const Digest& digest);

  // OK once the coordinator has the blob, from us or anybody.
  // Errors: ResourceExhausted when it has no room; InvalidArgument when
  // `digest` is not that of `bytes`; what the last attempt said; Cancelled.
  absl::Status Write(const Digest& digest, std::string_view bytes);

  // Ends all calls, those to come too, with Cancelled.
  void Cancel();

 private:
  class Attempt;
  class Attempts;

  absl::Status ReadOnce(const Digest& digest, std::string& bytes);
  absl::Status WriteOnce(const Digest& digest, std::string_view bytes,
                         int64_t offset);

  const Options options_;
  const std::unique_ptr<v1::BlobService::Stub> stub_;
  absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the calls under way.
  std::set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace merganser
