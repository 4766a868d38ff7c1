#include "common/evolution/slow_reference.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace merganser {
namespace {

Int128 GreatestCommonDivisor(Int128 a, Int128 b) {
  while (b != 0) {
    const Int128 rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

uint32_t Above(uint32_t score, uint32_t base) {
  return score > base ? score - base : 0;
}

Rational Sum(const BinaryRows& rows, size_t row,
             const std::vector<uint32_t>& base, int alpha,
             const std::vector<uint32_t>& weights) {
  Rational sum;
  for (size_t j = 0; j < weights.size(); ++j) {
    Int128 load = 0;
    for (const auto& other : rows) load += other[j];
    if (load == 0) continue;
    const Int128 gain = Above(rows[row][j], base[j]) * Int128{weights[j]};
    sum = sum + Rational{gain, alpha == 0 ? 1 : load};
  }
  return sum;
}

double Sum(const RealRows& rows, size_t row, const std::vector<double>& base,
           double alpha, const std::vector<uint32_t>& weights) {
  double sum = 0;
  for (size_t j = 0; j < weights.size(); ++j) {
    double load = 0;
    double capacity = 0;
    for (const auto& other : rows) {
      load += other[j];
      capacity = std::max(capacity, other[j]);
    }
    if (load == 0) continue;
    sum += weights[j] * capacity * std::max(0.0, rows[row][j] - base[j]) /
           std::pow(load, alpha);
  }
  return sum;
}

}  // namespace

Rational operator+(Rational a, Rational b) {
  Rational sum = {a.numerator * b.denominator + b.numerator * a.denominator,
                  a.denominator * b.denominator};
  const Int128 divisor = GreatestCommonDivisor(sum.numerator, sum.denominator);
  return {sum.numerator / divisor, sum.denominator / divisor};
}

bool operator<(Rational a, Rational b) {
  return a.numerator * b.denominator < b.numerator * a.denominator;
}

std::vector<Rational> SlowFitness(const BinaryRows& rows, int alpha,
                                  const std::vector<uint32_t>& weights) {
  std::vector<Rational> fitness;
  const std::vector<uint32_t> nothing(weights.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    fitness.push_back(Sum(rows, i, nothing, alpha, weights));
  }
  return fitness;
}

std::vector<Rational> SlowAttraction(const BinaryRows& rows, int a, int alpha,
                                     const std::vector<uint32_t>& weights) {
  std::vector<Rational> attraction;
  for (size_t i = 0; i < rows.size(); ++i) {
    attraction.push_back(Sum(rows, i, rows[a], alpha, weights));
  }
  return attraction;
}

std::vector<double> SlowFitness(const RealRows& rows, double alpha,
                                const std::vector<uint32_t>& weights) {
  std::vector<double> fitness;
  const std::vector<double> nothing(weights.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    fitness.push_back(Sum(rows, i, nothing, alpha, weights));
  }
  return fitness;
}

std::vector<double> SlowAttraction(const RealRows& rows, int a, double alpha,
                                   const std::vector<uint32_t>& weights) {
  std::vector<double> attraction;
  for (size_t i = 0; i < rows.size(); ++i) {
    attraction.push_back(Sum(rows, i, rows[a], alpha, weights));
  }
  return attraction;
}

RealRows LessTheWorst(RealRows rows) {
  for (size_t j = 0; j < rows[0].size(); ++j) {
    double worst = rows[0][j];
    for (const auto& row : rows) worst = std::min(worst, row[j]);
    for (auto& row : rows) row[j] -= worst;
  }
  return rows;
}

}  // namespace merganser
