// Limits that both ends of a connection must agree on.
#pragma once

#include "absl/time/time.h"

namespace merganser {

// Largest message that any of our processes sends or takes.
inline constexpr int kMaximumMessageBytes = 64 << 20;

// Bytes of a blob that travel in one message, at most.
inline constexpr int kBlobChunkBytes = 1 << 20;

// A silent connection is probed this often, and given up when a probe stays
// unanswered for kKeepaliveTimeout.
inline constexpr absl::Duration kKeepaliveInterval = absl::Seconds(20);
inline constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(10);

// Longest time that an attempt to connect may take.
inline constexpr absl::Duration kConnectTimeout = absl::Seconds(5);

// After a failed connection attempt the next one waits between these two, so
// that an outage is not outlived by its back-off.
inline constexpr absl::Duration kInitialReconnectBackoff =
    absl::Milliseconds(100);
inline constexpr absl::Duration kMaximumReconnectBackoff =
    absl::Milliseconds(1000);

}  // namespace merganser
