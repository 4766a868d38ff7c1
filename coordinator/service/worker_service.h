// The RPCs of WorkerService.
#pragma once

#include "coordinator/service/gate.h"
#include "merganser/v1/worker_service.grpc.pb.h"

namespace merganser {

// Translates and delegates to WorkerDesk; decides nothing.
// Threads: safe.
class WorkerServiceImpl final : public v1::WorkerService::CallbackService {
 public:
  // Borrows the gate.
  explicit WorkerServiceImpl(Gate& gate) : gate_(gate) {}

  grpc::ServerUnaryReactor* Register(grpc::CallbackServerContext* context,
                                     const v1::RegisterRequest* request,
                                     v1::RegisterResponse* response) override;
  grpc::ServerUnaryReactor* Join(grpc::CallbackServerContext* context,
                                 const v1::JoinRequest* request,
                                 v1::JoinResponse* response) override;
  grpc::ServerUnaryReactor* Exchange(grpc::CallbackServerContext* context,
                                     const v1::ExchangeRequest* request,
                                     v1::ExchangeResponse* response) override;

 private:
  Gate& gate_;
};

}  // namespace merganser
