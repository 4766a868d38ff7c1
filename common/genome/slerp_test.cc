#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/genome/exact_math.h"
#include "common/genome/linear_recipe.h"

namespace merganser {
namespace {

using nlohmann::json;

json ReadTestData(const std::string& name) {
  std::ifstream stream(MERGANSER_SOURCE_DIR "/common/genome/testdata/" + name);
  return json::parse(stream);
}

double Product(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

double LargestMagnitude(const std::vector<double>& x) {
  double largest = 0;
  for (const double value : x) largest = std::max(largest, std::abs(value));
  return largest;
}

// Expected values: slerp.json, made by M2N2's reference code and its float64
// twin.
TEST(SlerpTest, AgreesWithTheReference) {
  const json reference = ReadTestData("slerp.json");
  int compared = 0;
  for (const json& row : reference["cases"]) {
    SCOPED_TRACE(row["name"].get<std::string>());
    const auto x = row["x"].get<std::vector<double>>();
    const auto y = row["y"].get<std::vector<double>>();
    const SlerpCoefficients c =
        Slerp(Product(x, x), Product(y, y), Product(x, y), row["w"]);
    const auto exact = row["expect_f64"].get<std::vector<double>>();
    const double tolerance = 1e-12 * LargestMagnitude(exact);
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_NEAR(c.a * x[i] + c.b * y[i], exact[i], tolerance) << i;
    }
    if (row["compare"] == "do_not_compare") continue;
    ++compared;
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_NEAR(c.a * x[i] + c.b * y[i], row["expect_f32"][i],
                  row["tolerance_abs"]);
    }
  }
  EXPECT_EQ(reference["cases"].size(), 29u);
  EXPECT_GT(compared, 20);
}

// The inner products of two unit vectors at this angle.
SlerpCoefficients SlerpAtAngle(double omega, double w) {
  return Slerp(1, 1, std::cos(omega), w);
}

TEST(SlerpTest, TheEndsAreTheParents) {
  EXPECT_EQ(SlerpAtAngle(1.0, 0.0), (SlerpCoefficients{1, 0}));
  EXPECT_EQ(SlerpAtAngle(1.0, 1.0), (SlerpCoefficients{0, 1}));
}

TEST(SlerpTest, WWeighsB) {
  const SlerpCoefficients c = SlerpAtAngle(M_PI / 2, 1.0 / 3);
  EXPECT_NEAR(c.a, std::sqrt(3) / 2, 1e-15);
  EXPECT_NEAR(c.b, 0.5, 1e-15);
}

TEST(SlerpTest, IsLinearForNearlyParallelAndNearlyOppositeVectors) {
  const SlerpCoefficients linear{0.75, 0.25};
  EXPECT_EQ(SlerpAtAngle(0.9e-6, 0.25), linear);
  EXPECT_NE(SlerpAtAngle(1.1e-6, 0.25), linear);
  EXPECT_EQ(SlerpAtAngle(M_PI - 0.99e-3, 0.25), linear);
  EXPECT_NE(SlerpAtAngle(M_PI - 1.01e-3, 0.25), linear);
}

TEST(SlerpTest, ClampsTheCosine) {
  const SlerpCoefficients linear{0.75, 0.25};
  EXPECT_EQ(Slerp(1, 1, 1 + 1e-15, 0.25), linear);
  EXPECT_EQ(Slerp(1, 1, -1 - 1e-15, 0.25), linear);
}

TEST(SlerpTest, IsLinearForAZeroVector) {
  const SlerpCoefficients linear{0.75, 0.25};
  EXPECT_EQ(Slerp(0, 1, 0, 0.25), linear);
  EXPECT_EQ(Slerp(1, 0, 0, 0.25), linear);
  EXPECT_EQ(Slerp(0, 0, 0, 0.25), linear);
}

TEST(SlerpTest, LengthsDoNotOverflow) {
  const SlerpCoefficients c = Slerp(1e300, 1e300, 0, 0.5);
  EXPECT_NEAR(c.a, std::sqrt(0.5), 1e-15);
}

// Expected values: 60 digits of pi/3 and of the series of sin, rounded once:
// acos(0.5) = 1.04719755119659774615..., sin(1) = 0.84147098480789650665...
TEST(ExactMathTest, RoundsToNearest) {
  EXPECT_EQ(ArcCosine(0.5), 0x1.0c152382d7366p+0);
  EXPECT_EQ(ArcCosine(-1.0), 0x1.921fb54442d18p+1);
  EXPECT_EQ(ArcCosine(1.0), 0.0);
  EXPECT_EQ(Sine(1.0), 0x1.aed548f090ceep-1);
  EXPECT_EQ(Sine(0.0), 0.0);
  // Near pi the sine is what pi lacks: pi - the double
  // = 1.2246467991473532e-16.
  EXPECT_EQ(Sine(0x1.921fb54442d18p+1), 0x1.1a62633145c07p-53);
}

}  // namespace
}  // namespace merganser
