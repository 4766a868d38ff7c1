#include "common/language_task/stop_texts.h"

#include <algorithm>

namespace merganser {

size_t FindStop(std::string_view text, std::span<const std::string> stops) {
  size_t first = std::string_view::npos;
  for (const std::string& stop : stops) {
    if (!stop.empty()) first = std::min(first, text.find(stop));
  }
  return first;
}

std::string_view CutAtStop(std::string_view text,
                           std::span<const std::string> stops) {
  return text.substr(0, FindStop(text, stops));
}

bool MayBecomeStop(std::string_view text, std::span<const std::string> stops) {
  return std::any_of(stops.begin(), stops.end(), [&](const std::string& stop) {
    return stop.size() > text.size() && stop.starts_with(text);
  });
}

size_t LongestStop(std::span<const std::string> stops) {
  size_t longest = 0;
  for (const std::string& stop : stops)
    longest = std::max(longest, stop.size());
  return longest;
}

}  // namespace merganser
