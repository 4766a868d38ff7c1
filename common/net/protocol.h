// The version of the contract between coordinator and workers.
#pragma once

#include <cstdint>

namespace merganser {

// Raised with every change of worker_service.proto that an older worker would
// get wrong. A coordinator serves workers of its own version only.
inline constexpr int32_t kProtocolVersion = 2;

}  // namespace merganser
