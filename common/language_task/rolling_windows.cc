#include "common/language_task/rolling_windows.h"

#include <algorithm>

namespace merganser {

std::vector<RollingWindow> RollingWindows(size_t tokens, size_t window) {
  std::vector<RollingWindow> windows;
  size_t predicted = 0;
  while (predicted < tokens) {
    const size_t end = std::min(predicted + window, tokens);
    // The tokens given, the predicted ones but the last included, are `window`
    // many; only a text shorter than that has fewer.
    windows.push_back({.context = end - std::min(window, end),
                       .begin = predicted + 1,
                       .end = end + 1});
    predicted = end;
  }
  return windows;
}

}  // namespace merganser
