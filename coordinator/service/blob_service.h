// The RPCs of BlobService.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "common/base/digest.h"
#include "common/storage/blob_store.h"
#include "coordinator/dispatch/task_pool.h"
#include "merganser/v1/blob_service.grpc.pb.h"

namespace merganser {

class BlobTransfers;

// Moves blobs between a store and the network; decides nothing about them.
// Files are read and written on threads of its own, never on the coordinator's
// loop or gRPC's threads.
// Threads: safe. Outlives the server that it is registered with.
class BlobServiceImpl final : public v1::BlobService::CallbackService {
 public:
  struct Options {
    // Threads for files, at least 1.
    int threads = 2;
    // Reads and writes under way at once; further ones are UNAVAILABLE.
    int max_transfers = 32;
    // Broken writes that can be resumed; the oldest one goes first, all of
    // them as soon as the store is full.
    int max_partial_writes = 16;
    // Asked at the start of every call, whose answer a failure is. It must not
    // block.
    std::function<absl::Status()> admit = [] { return absl::OkStatus(); };
  };

  // Borrows the store.
  BlobServiceImpl(BlobStore& store, Options options);
  ~BlobServiceImpl() override;

  grpc::ServerUnaryReactor* StatBlobs(grpc::CallbackServerContext* context,
                                      const v1::StatBlobsRequest* request,
                                      v1::StatBlobsResponse* response) override;
  grpc::ServerWriteReactor<v1::ReadBlobResponse>* ReadBlob(
      grpc::CallbackServerContext* context,
      const v1::ReadBlobRequest* request) override;
  grpc::ServerReadReactor<v1::WriteBlobRequest>* WriteBlob(
      grpc::CallbackServerContext* context,
      v1::WriteBlobResponse* response) override;

 private:
  const Options options_;
  BlobStore& store_;
  const std::unique_ptr<BlobTransfers> transfers_;
  // Last: its tasks use the rest.
  TaskPool pool_;
};

}  // namespace merganser
