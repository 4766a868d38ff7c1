// Scores of classification: is the largest logit the label's?
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace merganser {

// True where the largest of `logits`, the first on ties, is logits[label].
// False when any of them is NaN, so that a broken model scores nothing.
bool IsCorrect(std::span<const float> logits, int32_t label);

// One bit per label, the first in the highest bit of byte 0, the last byte
// filled up with zeros.
// Shape: logits is [at least labels.size()][classes], row-major.
std::string ClassificationScores(std::span<const float> logits, int64_t classes,
                                 std::span<const int32_t> labels);

}  // namespace merganser
