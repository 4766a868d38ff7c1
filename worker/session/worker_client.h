// The worker's side of WorkerService, so that the session can be tested
// without a network.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

// Each call blocks until it is answered or given up. Errors are those that
// worker_service.proto lists, and UNAVAILABLE or DEADLINE_EXCEEDED when the
// coordinator cannot be reached.
// Threads: safe.
class WorkerClient {
 public:
  virtual ~WorkerClient() = default;

  virtual absl::StatusOr<v1::RegisterResponse> Register(
      const v1::RegisterRequest& request) = 0;
  virtual absl::StatusOr<v1::JoinResponse> Join(
      const v1::JoinRequest& request) = 0;
  virtual absl::StatusOr<v1::ExchangeResponse> Exchange(
      const v1::ExchangeRequest& request) = 0;

  // Makes the Exchange under way, or else the next one, fail with CANCELLED.
  virtual void CancelExchange() = 0;
};

}  // namespace merganser
