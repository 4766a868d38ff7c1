#include "client/api/friendly_status.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/net/grpc_status.h"

namespace merganser {
namespace {

// gRPC's account of a failed connection in a few words.
std::string Reason(const grpc::Status& status) {
  constexpr std::pair<const char*, const char*> kReasons[] = {
      {"Connection refused", "connection refused"},
      {"No such file or directory", "there is no such socket"},
      {"DNS resolution failed", "the host is unknown"},
      {"Domain name not found", "the host is unknown"},
      {"No route to host", "there is no route to the host"},
      {"Network is unreachable", "the network is unreachable"},
      {"Connection reset", "the connection was lost"},
      {"Socket closed", "the connection was lost"},
      {"http1.x", "it is no gRPC server"},
  };
  for (const auto& [part, words] : kReasons) {
    if (absl::StrContains(status.error_message(), part)) return words;
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return "no answer in time";
  }
  return status.error_message();
}

}  // namespace

absl::Status FriendlyStatus(const grpc::Status& status,
                            const std::string& address, bool answered) {
  if (status.ok()) return absl::OkStatus();
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      if (answered) break;
      return absl::UnavailableError(absl::StrCat(
          "cannot reach a coordinator at ", address, " (", Reason(status),
          "); is it running? give its address with --coordinator or "
          "MERGANSER_COORDINATOR"));
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::UnimplementedError(absl::StrCat(
          "the server at ", address,
          " does not know this call; expected a merganser-coordinator of this "
          "client's version"));
    default:
      break;
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::DeadlineExceededError(
        absl::StrCat("the coordinator at ", address,
                     " has not answered in time; try again"));
  }
  return StatusFromGrpc(status);
}

}  // namespace merganser
