// A second implementation of DESIGN.md section 3, for tests: formulas written
// down once more, without tables, caches or increments.
#pragma once

#include <cstdint>
#include <vector>

namespace merganser {

__extension__ using Int128 = __int128;

// A fraction in lowest terms, denominator above 0.
struct Rational {
  Int128 numerator = 0;
  Int128 denominator = 1;

  friend bool operator==(const Rational&, const Rational&) = default;
};

Rational operator+(Rational a, Rational b);
bool operator<(Rational a, Rational b);

using BinaryRows = std::vector<std::vector<uint32_t>>;
using RealRows = std::vector<std::vector<double>>;

// f of every row, z over all the rows; alpha 0 or 1.
std::vector<Rational> SlowFitness(const BinaryRows& rows, int alpha,
                                  const std::vector<uint32_t>& weights);
// g(rows[a], ·) of every row.
std::vector<Rational> SlowAttraction(const BinaryRows& rows, int a, int alpha,
                                     const std::vector<uint32_t>& weights);

// The same for scores 0 … 1 with c = max_i s_ij, in plain doubles.
std::vector<double> SlowFitness(const RealRows& rows, double alpha,
                                const std::vector<uint32_t>& weights);
std::vector<double> SlowAttraction(const RealRows& rows, int a, double alpha,
                                   const std::vector<uint32_t>& weights);
// The rows less the lowest score of each datapoint.
RealRows LessTheWorst(RealRows rows);

// The first of the lowest.
template <typename Value>
int FirstLowest(const std::vector<Value>& values) {
  int lowest = 0;
  for (int i = 1; i < static_cast<int>(values.size()); ++i) {
    if (values[i] < values[lowest]) lowest = i;
  }
  return lowest;
}

}  // namespace merganser
