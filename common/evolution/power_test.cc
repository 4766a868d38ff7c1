#include "common/evolution/power.h"

#include <gtest/gtest.h>
#include <mpfr.h>

#include <random>

namespace merganser {
namespace {

// Expected: 60-digit decimal arithmetic on the doubles, rounded once.
TEST(PowerTest, AgreesWithSixtyDigits) {
  EXPECT_EQ(CorrectlyRoundedPower(3, 0.3), 0x1.63f08b6f382aep+0);
  EXPECT_EQ(CorrectlyRoundedPower(7, 1.7), 0x1.b54ea62b43b12p+4);
  EXPECT_EQ(CorrectlyRoundedPower(0.1, 0.7), 0x1.98a13577c93c1p-3);
  EXPECT_EQ(CorrectlyRoundedPower(20.999, 1.3), 0x1.a2be5cb540ecep+5);
  EXPECT_EQ(CorrectlyRoundedPower(0x1p-20, 1.5), 0x1p-30);
}

double PowerWith200Bits(double base, double exponent) {
  mpfr_t result;
  mpfr_t power;
  mpfr_init2(result, 200);
  mpfr_init2(power, 200);
  mpfr_set_d(result, base, MPFR_RNDN);
  mpfr_set_d(power, exponent, MPFR_RNDN);
  mpfr_pow(result, result, power, MPFR_RNDN);
  const double rounded = mpfr_get_d(result, MPFR_RNDN);
  mpfr_clear(result);
  mpfr_clear(power);
  return rounded;
}

TEST(PowerTest, ShortcutsRoundAsTheLongWayDoes) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<int> load(1, 21 << 20);
  for (int i = 0; i < 2000; ++i) {
    const double base = load(random) * 0x1p-20;
    for (const double exponent : {0.0, 0.5, 1.0, 2.0, 1.5, 3.0}) {
      ASSERT_EQ(CorrectlyRoundedPower(base, exponent),
                PowerWith200Bits(base, exponent))
          << base << " ^ " << exponent;
    }
  }
}

TEST(PowerTest, LeastCommonMultiples) {
  EXPECT_EQ(LeastCommonMultipleUpTo(1), 1u);
  EXPECT_EQ(LeastCommonMultipleUpTo(5), 60u);
  EXPECT_EQ(LeastCommonMultipleUpTo(21), 232792560u);
}

}  // namespace
}  // namespace merganser
