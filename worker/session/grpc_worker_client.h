// WorkerService by gRPC.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/client_context.h"
#include "merganser/v1/worker_service.grpc.pb.h"
#include "worker/session/worker_client.h"

namespace merganser {

// Fails fast: while there is no connection, calls say UNAVAILABLE at once and
// leave the waiting to the caller.
class GrpcWorkerClient : public WorkerClient {
 public:
  explicit GrpcWorkerClient(const std::string& coordinator);

  absl::StatusOr<v1::RegisterResponse> Register(
      const v1::RegisterRequest& request) override;
  absl::StatusOr<v1::JoinResponse> Join(
      const v1::JoinRequest& request) override;
  absl::StatusOr<v1::ExchangeResponse> Exchange(
      const v1::ExchangeRequest& request) override;
  void CancelExchange() override;

 private:
  std::unique_ptr<v1::WorkerService::Stub> stub_;
  absl::Mutex mutex_;
  // Of the Exchange under way.
  grpc::ClientContext* exchange_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool cancel_next_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace merganser
