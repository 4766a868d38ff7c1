#include "common/evolution/power.h"

#include <mpfr.h>

#include <cmath>
#include <numeric>

namespace merganser {
namespace {

constexpr mpfr_prec_t kDoubleBits = 53;

double PowerByMpfr(double base, double exponent) {
  mpfr_t result;
  mpfr_t power;
  mpfr_init2(result, kDoubleBits);
  mpfr_init2(power, kDoubleBits);
  mpfr_set_d(result, base, MPFR_RNDN);
  mpfr_set_d(power, exponent, MPFR_RNDN);
  mpfr_pow(result, result, power, MPFR_RNDN);
  const double rounded = mpfr_get_d(result, MPFR_RNDN);
  mpfr_clear(result);
  mpfr_clear(power);
  return rounded;
}

}  // namespace

double CorrectlyRoundedPower(double base, double exponent) {
  // IEEE 754 rounds these correctly too, a hundred times as fast.
  if (exponent == 0) return 1;
  if (exponent == 1) return base;
  if (exponent == 2) return base * base;
  if (exponent == 0.5) return std::sqrt(base);
  return PowerByMpfr(base, exponent);
}

uint64_t LeastCommonMultipleUpTo(int n) {
  uint64_t multiple = 1;
  for (int k = 2; k <= n; ++k) {
    multiple = std::lcm(multiple, static_cast<uint64_t>(k));
  }
  return multiple;
}

}  // namespace merganser
