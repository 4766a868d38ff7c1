// The question that containers and balancers ask of a server: do you serve?
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace merganser {

// Asks the server at `address` ("host:port" or "unix:/path") for the state of
// its process as a whole, by grpc.health.v1.Health. OK when it serves.
// Errors: Unavailable when nobody answers within `patience`, or when the answer
// is another one than SERVING.
absl::Status CheckHealth(const std::string& address, absl::Duration patience);

}  // namespace merganser
