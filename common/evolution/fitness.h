// The value by which candidates are compared and parents are drawn.
#pragma once

#include <compare>
#include <cstdint>

namespace merganser {

// A fitness or an attraction. Of binary scores it is an exact integer, so that
// ties are really ties; of continuous scores a double, summed in datapoint
// order. Only values of one archive may be compared.
class Fitness {
 public:
  Fitness() = default;  // zero, of either kind
  static Fitness Exact(uint64_t units) { return Fitness(units, 0); }
  // `value` is finite and not negative.
  static Fitness Real(double value) { return Fitness(0, value); }

  bool is_zero() const { return units_ == 0 && value_ == 0; }

  // The exact integer; 0 for continuous scores.
  uint64_t units() const { return units_; }
  // The double; 0 for binary scores.
  double value() const { return value_; }
  // The fitness of DESIGN.md section 3; `scale` is Archive::fitness_scale().
  double ToDouble(double scale) const {
    return static_cast<double>(units_) / scale + value_;
  }

  friend bool operator==(const Fitness&, const Fitness&) = default;
  friend auto operator<=>(const Fitness&, const Fitness&) = default;

 private:
  Fitness(uint64_t units, double value) : units_(units), value_(value) {}

  // One of the two is always zero.
  uint64_t units_ = 0;
  double value_ = 0;
};

}  // namespace merganser
