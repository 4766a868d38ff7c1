// Rotary positions (RoPE), as Hugging Face's Llama turns queries and keys.
#pragma once

#include <cstdint>
#include <vector>

#include "common/checkpoint/language_model_config.h"

namespace merganser {

// Angle per position of each pair of elements (i, i + head_size / 2), in
// float32 as transformers computes them.
// Shape: [head_size / 2].
// Source: transformers, modeling_rope_utils.py (default, linear, llama3).
std::vector<float> RotaryFrequencies(const LanguageModelConfig& config);

// Cosines and sines of positions 0, 1, …; grows on demand.
// Threads: none.
class RotaryTable {
 public:
  explicit RotaryTable(const LanguageModelConfig& config)
      : frequencies_(RotaryFrequencies(config)) {}

  // Makes the values of positions below `positions`.
  void Reserve(int64_t positions);

  // Shape: [head_size / 2] each, valid until the next Reserve().
  const float* cosines(int64_t position) const {
    return cosines_.data() + position * std::ssize(frequencies_);
  }
  const float* sines(int64_t position) const {
    return sines_.data() + position * std::ssize(frequencies_);
  }

 private:
  std::vector<float> frequencies_;
  std::vector<float> cosines_;  // [positions][head_size / 2]
  std::vector<float> sines_;    // likewise
};

}  // namespace merganser
