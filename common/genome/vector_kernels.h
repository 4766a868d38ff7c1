// The inner loops over weights, compiled for each instruction set and chosen at
// run time. Every one gives the same bits on each of them.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/genome/output_format.h"
#include "common/storage/dtype.h"

namespace merganser {

// Lanes of a Gram sum: element i is added to lane i mod kGramLanes.
inline constexpr int kGramLanes = 8;

// One term of a linear combination.
struct WeightedInput {
  const uint8_t* bytes = nullptr;  // first element; not aligned to anything
  DType dtype = DType::kF32;
  float coefficient = 0;
};

// out[i] = fma over the inputs in their order, from 0, rounded once to the
// format's dtype; i = 0 … elements-1. The output lies in none of the inputs.
// `streaming`: it is larger than the caches, and is written past them.
void Combine(std::span<const WeightedInput> inputs, int64_t elements,
             OutputFormat format, bool streaming, uint8_t* out);

// out[i] = the float that bytes hold, exactly.
void Widen(const uint8_t* bytes, DType dtype, int64_t elements, float* out);

// lanes[i mod 8] += a[i] * b[i] in double, i ascending from 0.
void AddProducts(const float* a, const float* b, int64_t elements,
                 std::array<double, kGramLanes>& lanes);

// The first NaN or infinity; `elements` when there is none.
int64_t FirstNotFinite(const uint8_t* bytes, DType dtype, int64_t elements);

}  // namespace merganser
