// Counts what a test allocates. Linking this replaces operator new.
#pragma once

#include <cstdint>

namespace merganser {

// Calls of operator new by the calling thread so far.
int64_t AllocationsOfThread();

}  // namespace merganser
