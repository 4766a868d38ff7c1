// Powers that are the same bits on every machine.
#pragma once

#include <cstdint>

namespace merganser {

// base^exponent rounded correctly to the nearest double, ties to even: libm's
// pow differs between CPUs in its last bit. base > 0, exponent >= 0, and the
// result is neither subnormal nor infinite.
// Threads: safe.
double CorrectlyRoundedPower(double base, double exponent);

// lcm(1 … n); n in 1 … 21, so that it fits easily.
uint64_t LeastCommonMultipleUpTo(int n);

}  // namespace merganser
