// How values lie in Redis: the bytes, then their CRC-32, little-endian.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace merganser {

std::string PackValue(const std::string& value);

// Errors: DataLoss, without saying where: the caller adds it.
absl::StatusOr<std::string> UnpackValue(std::string packed);

}  // namespace merganser
