// Inner products of weights over a block of a chromosome: the arithmetic under
// Gram sums, and under the angle between two parents.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "common/genome/parameter_layout.h"
#include "common/genome/seed_weights.h"
#include "common/genome/vector_kernels.h"

namespace merganser {

// Indices of two vectors, or of one with itself.
struct VectorPair {
  int first = 0;
  int second = 0;
};

// V_k = vectors[k], or, unless `origin` is empty, vectors[k] - origin: each
// element the difference of the widened ones, rounded once to float32.
struct VectorsFromOrigin {
  std::span<const WeightTensors> vectors;
  WeightTensors origin;
};

// Threads: none; each thread has one of its own.
class BlockProducts {
 public:
  // sums[p] = <V_k, V_l>, (k, l) being pairs[p], over the block that is
  // elements begin … end-1 of a chromosome. Element i, counted from `begin`, is
  // added to lane i mod 8 in the order of i; products of widened elements are
  // exact in double. Then the lanes are added pairwise,
  // ((0+1)+(2+3))+((4+5)+(6+7)). This is part of the format.
  // Allocates nothing once it has run with as many vectors and pairs before.
  void Sum(const GenomeLayout& layout, int chromosome,
           const VectorsFromOrigin& of, std::span<const VectorPair> pairs,
           int64_t begin, int64_t end, double* sums);

 private:
  std::vector<float> tiles_;   // [vectors][elements of a tile]
  std::vector<float> origin_;  // [elements of a tile]; empty without one
  std::vector<std::array<double, kGramLanes>> lanes_;  // [pairs]
};

}  // namespace merganser
