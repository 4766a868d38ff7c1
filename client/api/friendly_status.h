// Errors of a call as a person at a terminal should see them.
#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"

namespace merganser {

// `answered`: there was a connection, so that the error is the coordinator's
// own words. Otherwise the result is Unavailable, and says which address did
// not answer, why, and how to give another.
absl::Status FriendlyStatus(const grpc::Status& status,
                            const std::string& address, bool answered);

}  // namespace merganser
