#include "worker/session/grpc_worker_client.h"

#include <chrono>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/net/channel.h"
#include "common/net/grpc_status.h"

namespace merganser {
namespace {

// How long an answer may take beyond the wait that was asked for.
constexpr absl::Duration kCallTimeout = absl::Seconds(10);

void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMilliseconds(timeout));
}

template <typename Response>
absl::StatusOr<Response> Outcome(const grpc::Status& status,
                                 Response response) {
  if (!status.ok()) return StatusFromGrpc(status);
  return response;
}

}  // namespace

GrpcWorkerClient::GrpcWorkerClient(const std::string& coordinator)
    : stub_(v1::WorkerService::NewStub(CreateChannel(coordinator))) {}

absl::StatusOr<v1::RegisterResponse> GrpcWorkerClient::Register(
    const v1::RegisterRequest& request) {
  grpc::ClientContext context;
  SetTimeout(context, kCallTimeout);
  v1::RegisterResponse response;
  const grpc::Status status = stub_->Register(&context, request, &response);
  return Outcome(status, std::move(response));
}

absl::StatusOr<v1::JoinResponse> GrpcWorkerClient::Join(
    const v1::JoinRequest& request) {
  grpc::ClientContext context;
  SetTimeout(context, kCallTimeout);
  v1::JoinResponse response;
  const grpc::Status status = stub_->Join(&context, request, &response);
  return Outcome(status, std::move(response));
}

absl::StatusOr<v1::ExchangeResponse> GrpcWorkerClient::Exchange(
    const v1::ExchangeRequest& request) {
  grpc::ClientContext context;
  SetTimeout(context, kCallTimeout + absl::Milliseconds(request.max_wait_ms()));
  {
    absl::MutexLock lock(&mutex_);
    if (cancel_next_) {
      cancel_next_ = false;
      return absl::CancelledError("cancelled before it began");
    }
    exchange_ = &context;
  }
  v1::ExchangeResponse response;
  const grpc::Status status = stub_->Exchange(&context, request, &response);
  {
    absl::MutexLock lock(&mutex_);
    exchange_ = nullptr;
  }
  return Outcome(status, std::move(response));
}

void GrpcWorkerClient::CancelExchange() {
  absl::MutexLock lock(&mutex_);
  if (exchange_ == nullptr) {
    cancel_next_ = true;
  } else {
    exchange_->TryCancel();
  }
}

}  // namespace merganser
