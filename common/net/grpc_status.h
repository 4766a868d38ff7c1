// Errors as they cross the wire. gRPC and absl number their codes alike.
#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace merganser {

// Code and message; OK stays OK. Details are dropped.
absl::Status StatusFromGrpc(const grpc::Status& status);
grpc::Status GrpcFromStatus(const absl::Status& status);

}  // namespace merganser
