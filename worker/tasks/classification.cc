#include "worker/tasks/classification.h"

#include <cstddef>

namespace merganser {

bool IsCorrect(std::span<const float> logits, int32_t label) {
  const auto correct = static_cast<size_t>(label);
  const float best = logits[correct];
  // Written so that every comparison with a NaN gives "wrong".
  for (size_t i = 0; i < correct; ++i) {
    if (!(logits[i] < best)) return false;
  }
  for (size_t i = correct; i < logits.size(); ++i) {
    if (!(logits[i] <= best)) return false;
  }
  return true;
}

std::string ClassificationScores(std::span<const float> logits, int64_t classes,
                                 std::span<const int32_t> labels) {
  std::string bits((labels.size() + 7) / 8, '\0');
  const auto width = static_cast<size_t>(classes);
  for (size_t row = 0; row < labels.size(); ++row) {
    if (!IsCorrect(logits.subspan(row * width, width), labels[row])) continue;
    bits[row / 8] = static_cast<char>(bits[row / 8] | (0x80 >> (row % 8)));
  }
  return bits;
}

}  // namespace merganser
