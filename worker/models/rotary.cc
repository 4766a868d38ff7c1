#include "worker/models/rotary.h"

#include <cmath>
#include <numbers>

namespace merganser {
namespace {

// Wavelengths beyond the low frequency's are stretched, those below the high
// one's kept, and those between blended.
float ScaleLlama3(float frequency, const RopeScaling& scaling) {
  const auto original = static_cast<double>(scaling.original_positions);
  const double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength < original / scaling.high_frequency_factor) return frequency;
  const auto stretched = static_cast<float>(frequency / scaling.factor);
  if (wavelength > original / scaling.low_frequency_factor) return stretched;
  const auto smooth = static_cast<float>(
      (original / wavelength - scaling.low_frequency_factor) /
      (scaling.high_frequency_factor - scaling.low_frequency_factor));
  return (1 - smooth) * stretched + smooth * frequency;
}

}  // namespace

std::vector<float> RotaryFrequencies(const LanguageModelConfig& config) {
  const int64_t size = config.head_size;
  std::vector<float> frequencies(size / 2);
  for (int64_t i = 0; i < size / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(size);
    float frequency =
        1 / std::pow(static_cast<float>(config.rope_theta), exponent);
    if (config.rope_scaling.kind == RopeScaling::Kind::kLinear) {
      frequency /= static_cast<float>(config.rope_scaling.factor);
    } else if (config.rope_scaling.kind == RopeScaling::Kind::kLlama3) {
      frequency = ScaleLlama3(frequency, config.rope_scaling);
    }
    frequencies[i] = frequency;
  }
  return frequencies;
}

void RotaryTable::Reserve(int64_t positions) {
  const int64_t half = std::ssize(frequencies_);
  cosines_.reserve(positions * half);
  sines_.reserve(positions * half);
  for (int64_t p = std::ssize(cosines_) / half; p < positions; ++p) {
    for (const float frequency : frequencies_) {
      const float angle = static_cast<float>(p) * frequency;
      cosines_.push_back(static_cast<float>(std::cos(double{angle})));
      sines_.push_back(static_cast<float>(std::sin(double{angle})));
    }
  }
}

}  // namespace merganser
