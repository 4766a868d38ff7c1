// bfloat16 and IEEE binary16 as integers, for single elements.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace merganser {

// A NaN is written as the quiet NaN with sign and payload zero: which NaN an
// operation gives depends on the CPU.
inline constexpr uint32_t kNaNF32 = 0x7fc00000;
inline constexpr uint16_t kNaNBF16 = 0x7fc0;
inline constexpr uint16_t kNaNF16 = 0x7e00;

inline float WidenBF16(uint16_t bits) {
  return std::bit_cast<float>(uint32_t{bits} << 16);
}

inline float WidenF16(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t exponent = (bits >> 10) & 0x1f;
  const uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  const uint32_t wide_exponent = exponent == 0x1f ? 0xff : exponent + 127 - 15;
  return std::bit_cast<float>(sign | wide_exponent << 23 | mantissa << 13);
}

// To nearest, ties to even.
inline uint16_t RoundToBF16(float value) {
  if (std::isnan(value)) return kNaNBF16;
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// To nearest, ties to even.
inline uint16_t RoundToF16(float value) {
  if (std::isnan(value)) return kNaNF16;
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x47800000) return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < 0x38800000) {  // below 2^-14: a multiple of 2^-24
    // Adding 0.5 leaves that multiple in the low bits of the sum, rounded.
    const float sum = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(
        sign | (std::bit_cast<uint32_t>(sum) - std::bit_cast<uint32_t>(0.5f)));
  }
  const uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return static_cast<uint16_t>(sign | ((rounded >> 13) - ((127 - 15) << 10)));
}

}  // namespace merganser
