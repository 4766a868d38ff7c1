// How full a device's memory is.
#pragma once

#include <optional>
#include <string>

#include "worker/tasks/evaluator.h"

namespace merganser {

// Of a device as OpenDevice() names it; of a CPU, the machine's memory, of
// which what the system could free at once does not count as used. Empty where
// it cannot be told.
// Threads: safe.
std::optional<DeviceMemory> MemoryOf(const std::string& device);

}  // namespace merganser
