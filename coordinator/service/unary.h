// One way to run a unary call on the coordinator's loop.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "common/net/grpc_status.h"
#include "coordinator/service/gate.h"

namespace merganser {

using FinishCall = std::function<void(absl::Status)>;

// Ends a call exactly once: when it is told how, or, if nobody did, when it
// goes: a closure that the coordinator's shutdown drops leaves no caller
// waiting.
class CallGuard {
 public:
  explicit CallGuard(grpc::ServerUnaryReactor* reactor) : reactor_(reactor) {}
  ~CallGuard() {
    Finish(absl::UnavailableError("the coordinator is shutting down"));
  }
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;

  void Finish(const absl::Status& status) {
    if (grpc::ServerUnaryReactor* reactor = std::exchange(reactor_, nullptr)) {
      reactor->Finish(GrpcFromStatus(status));
    }
  }

 private:
  grpc::ServerUnaryReactor* reactor_;
};

// Runs `body` on the loop; the call ends when it calls its FinishCall, sooner
// or later.
inline grpc::ServerUnaryReactor* RunUnary(
    Gate& gate, grpc::CallbackServerContext* context,
    std::function<void(Core&, FinishCall)> body) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto guard = std::make_shared<CallGuard>(reactor);
  const absl::Status posted =
      gate.Post([body = std::move(body), guard](Core& core) {
        body(core, [guard](absl::Status status) { guard->Finish(status); });
      });
  if (!posted.ok()) guard->Finish(posted);
  return reactor;
}

}  // namespace merganser
