// Functions that libm rounds differently from one CPU to the next.
#pragma once

namespace merganser {

// Correctly rounded: the double nearest to the true value, ties to even, by
// MPFR at 53 bits.
// Threads: safe.
double ArcCosine(double x);
double Sine(double x);

}  // namespace merganser
