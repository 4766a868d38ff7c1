// How a long text is cut for its log-likelihood.
#pragma once

#include <cstddef>
#include <vector>

namespace merganser {

// Positions in the prefix token followed by the text's tokens: the model is
// given [context, begin) and predicts [begin, end).
struct RollingWindow {
  size_t context = 0;
  size_t begin = 0;
  size_t end = 0;

  friend bool operator==(const RollingWindow&, const RollingWindow&) = default;
};

// Windows of `window` predicted tokens, at least 1, that together predict each
// of `tokens` tokens once: the first behind the prefix token, each later one
// behind the last token seen; the last, which predicts what is left, is given
// as much context as makes it `window` tokens, too.
// Source: loglikelihood_rolling of lm-eval 0.4 (get_rolling_token_windows with
// a context of 1).
std::vector<RollingWindow> RollingWindows(size_t tokens, size_t window);

}  // namespace merganser
