// Texts that end a continuation.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace merganser {

// Where in `text` the first of `stops` begins; npos if there is none. An empty
// stop is none.
size_t FindStop(std::string_view text, std::span<const std::string> stops);

// `text` up to the first stop.
std::string_view CutAtStop(std::string_view text,
                           std::span<const std::string> stops);

// Whether `text` is the beginning of a stop, and not all of it.
bool MayBecomeStop(std::string_view text, std::span<const std::string> stops);

// Bytes of the longest one, 0 without any.
size_t LongestStop(std::span<const std::string> stops);

}  // namespace merganser
