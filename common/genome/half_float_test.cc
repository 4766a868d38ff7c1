#include "common/genome/half_float.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace merganser {
namespace {

// The value that sign, exponent and fraction stand for (IEEE 754, section 3.4).
double ValueOf(uint16_t bits, int fraction_bits) {
  const int exponent_bits = 15 - fraction_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits & 0x7fff) >> fraction_bits;
  const int fraction = bits & ((1 << fraction_bits) - 1);
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) {
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == 0) {
    return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  }
  return sign * std::ldexp((1 << fraction_bits) + fraction,
                           exponent - bias - fraction_bits);
}

// The nearest of all numbers, by search. Infinity stands where the next number
// would be: that decides what overflows.
uint16_t NearestOf(float value, int fraction_bits) {
  const int infinity = 0x7fff >> fraction_bits << fraction_bits;
  const auto place_of = [=](int bits) {
    const int one_step = 1 << fraction_bits;  // doubles a normal number
    return bits == infinity ? 2 * ValueOf(infinity - one_step, fraction_bits)
                            : ValueOf(bits, fraction_bits);
  };
  const double magnitude = std::abs(double{value});
  int low = 0;
  int high = infinity;
  while (low < high) {  // the first number that is not below the magnitude
    const int middle = (low + high) / 2;
    if (place_of(middle) < magnitude) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low > 0 && !std::isinf(value)) {
    const double to_low = place_of(low) - magnitude;
    const double to_below = magnitude - place_of(low - 1);
    if (to_below < to_low || (to_below == to_low && low % 2 == 1)) --low;
  }
  return static_cast<uint16_t>(low | (std::signbit(value) ? 0x8000 : 0));
}

TEST(HalfFloatTest, WidensEveryNumberExactly) {
  for (int bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float bf16 = WidenBF16(half);
    const float f16 = WidenF16(half);
    if (std::isnan(ValueOf(half, 7))) {
      EXPECT_TRUE(std::isnan(bf16));
    } else {
      ASSERT_EQ(double{bf16}, ValueOf(half, 7)) << bits;
      ASSERT_EQ(std::signbit(bf16), bits >= 0x8000);
    }
    if (std::isnan(ValueOf(half, 10))) {
      EXPECT_TRUE(std::isnan(f16));
    } else {
      ASSERT_EQ(double{f16}, ValueOf(half, 10)) << bits;
      ASSERT_EQ(std::signbit(f16), bits >= 0x8000);
    }
  }
}

// Every number of the format, the midpoints to the next, and their neighbours.
TEST(HalfFloatTest, RoundsToNearestTiesToEven) {
  for (int bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    for (const uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      const float value = std::bit_cast<float>(uint32_t{half} << 16 | low);
      if (std::isnan(value)) continue;
      ASSERT_EQ(RoundToBF16(value), NearestOf(value, 7)) << value;
      ASSERT_EQ(RoundToF16(value), NearestOf(value, 10)) << value;
    }
    const float f16 = WidenF16(half);
    if (!std::isfinite(f16)) continue;
    const float next = WidenF16(half + 1);
    const float middle = std::isfinite(next) ? f16 + (next - f16) / 2
                                             : std::copysign(65520, f16);
    for (const float value :
         {f16, std::nextafter(f16, 1e30f), std::nextafter(f16, -1e30f), middle,
          std::nextafter(middle, 1e30f), std::nextafter(middle, -1e30f)}) {
      ASSERT_EQ(RoundToF16(value), NearestOf(value, 10)) << value;
    }
  }
}

TEST(HalfFloatTest, ANaNBecomesTheQuietNaN) {
  for (const uint32_t bits :
       {0x7fc00000u, 0xffc00000u, 0x7f800001u, 0xffffffffu}) {
    EXPECT_EQ(RoundToBF16(std::bit_cast<float>(bits)), 0x7fc0);
    EXPECT_EQ(RoundToF16(std::bit_cast<float>(bits)), 0x7e00);
  }
}

}  // namespace
}  // namespace merganser
