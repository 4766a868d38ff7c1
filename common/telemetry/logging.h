// How our processes log: one line per event, on standard error.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace merganser {

// Sets spdlog's default logger up: time, level, message.
// `level` is trace, debug, info, warn, error or off.
// Errors: InvalidArgument on another level.
absl::Status InitLogging(const std::string& level);

}  // namespace merganser
