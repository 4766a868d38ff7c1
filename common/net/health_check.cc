#include "common/net/health_check.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/net/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"

namespace merganser {
namespace {

constexpr char kCheck[] = "/grpc.health.v1.Health/Check";

// A HealthCheckResponse whose field 1, the status, is 1: SERVING.
constexpr absl::string_view kServing = "\x08\x01";

}  // namespace

absl::Status CheckHealth(const std::string& address, absl::Duration patience) {
  grpc::GenericStub stub(CreateChannel(address));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMilliseconds(patience));
  context.set_wait_for_ready(true);
  grpc::CompletionQueue queue;
  const grpc::Slice no_bytes;  // names no service: the process is meant
  const auto call = stub.PrepareUnaryCall(
      &context, kCheck, grpc::ByteBuffer(&no_bytes, 1), &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, &status);
  void* tag = nullptr;
  bool finished = false;
  queue.Next(&tag, &finished);
  if (!status.ok()) {
    return absl::UnavailableError(
        absl::StrCat(address, ": ", status.error_message()));
  }
  grpc::Slice answer;
  if (!response.DumpToSingleSlice(&answer).ok() ||
      absl::string_view(reinterpret_cast<const char*>(answer.begin()),
                        answer.size()) != kServing) {
    return absl::UnavailableError(absl::StrCat(address, ": not serving"));
  }
  return absl::OkStatus();
}

}  // namespace merganser
