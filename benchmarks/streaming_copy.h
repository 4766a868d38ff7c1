// A copy that writes past the caches.
#pragma once

#include <cstdint>

namespace merganser {

// By the widest vectors that the CPU has. `to` is aligned to 64 bytes, and
// `bytes` a multiple of 256.
void StreamingCopy(const uint8_t* from, int64_t bytes, uint8_t* to);

}  // namespace merganser
