#include "coordinator/service/worker_service.h"

#include "coordinator/service/unary.h"

namespace merganser {

grpc::ServerUnaryReactor* WorkerServiceImpl::Register(
    grpc::CallbackServerContext* context, const v1::RegisterRequest* request,
    v1::RegisterResponse* response) {
  return RunUnary(gate_, context,
                  [request, response, peer = context->peer()](
                      Core& core, const FinishCall& finish) {
                    auto registered = core.desk().Register(*request, peer);
                    if (registered.ok()) *response = *std::move(registered);
                    finish(registered.status());
                  });
}

grpc::ServerUnaryReactor* WorkerServiceImpl::Join(
    grpc::CallbackServerContext* context, const v1::JoinRequest* request,
    v1::JoinResponse* response) {
  return RunUnary(gate_, context,
                  [request, response](Core& core, const FinishCall& finish) {
                    auto joined = core.desk().Join(*request);
                    if (joined.ok()) *response = *std::move(joined);
                    finish(joined.status());
                  });
}

grpc::ServerUnaryReactor* WorkerServiceImpl::Exchange(
    grpc::CallbackServerContext* context, const v1::ExchangeRequest* request,
    v1::ExchangeResponse* response) {
  return RunUnary(gate_, context,
                  [request, response](Core& core, const FinishCall& finish) {
                    core.desk().Exchange(request, response, finish);
                  });
}

}  // namespace merganser
