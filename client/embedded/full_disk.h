// Tells a full disk from other causes of death.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace merganser {

// What is free for us on the disk that holds `folder`; nullopt if the system
// does not say.
std::optional<int64_t> FreeBytes(const std::string& folder);

// The error of a run in `folder`, in terms of the disk if that is full:
// ResourceExhausted, which says what to do, with `error` behind it. Any other
// error comes back as it is. A full disk shows in two ways: by the system's
// words for it, in the error or in the log that it quotes; or, since a log
// cannot be written then either, by hardly any free bytes after processes have
// died for no known reason. Pure.
absl::Status BlameFullDisk(const absl::Status& error, const std::string& folder,
                           std::optional<int64_t> free_bytes);

}  // namespace merganser
