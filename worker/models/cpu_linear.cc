#include <algorithm>

#include "worker/models/cpu_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/models/cpu_linear.cc"
#include <hwy/foreach_target.h>  // compiles this file once per instruction set
// After foreach_target.h:
#include "worker/models/cpu_dots-inl.h"

HWY_BEFORE_NAMESPACE();
namespace merganser {
namespace HWY_NAMESPACE {

// Floats from a weight to the one that is fetched meanwhile.
constexpr int64_t kFetchAhead = 3072;

HWY_INLINE void StoreTile(const Linear& linear, int64_t row, int64_t rows,
                          int64_t output, int64_t outputs,
                          const float (*sums)[kTileOutputs]) {
  for (int64_t r = 0; r < rows; ++r) {
    float* const to = linear.output + (row + r) * linear.output_stride + output;
    for (int64_t i = 0; i < outputs; ++i) {
      float value = sums[r][i];
      if (linear.bias != nullptr) value += linear.bias[output + i];
      to[i] = linear.accumulate ? to[i] + value : value;
    }
  }
}

void RunLinearBlock(const Linear& linear, const LinearBlock& block) {
  alignas(64) float sums[kTileRows][kTileOutputs];
  TileInputs in{.size = linear.inputs};
  for (int64_t row = block.row_begin; row < block.row_end; row += kTileRows) {
    const int64_t rows = std::min<int64_t>(kTileRows, block.row_end - row);
    for (int64_t r = 0; r < rows; ++r) {
      in.x[r] = linear.input + (row + r) * linear.input_stride;
    }
    for (int64_t n = block.output_begin; n < block.output_end;
         n += kTileOutputs) {
      const int64_t outputs =
          std::min<int64_t>(kTileOutputs, block.output_end - n);
      for (int64_t i = 0; i < kTileOutputs; ++i) {
        in.w[i] =
            linear.weight + (n + std::min(i, outputs - 1)) * linear.inputs;
      }
      if (row == block.row_begin) {
        in.ahead = in.w[0] + kFetchAhead;
        DotsOfRows<Fetch>(in, rows, sums);
      } else {
        DotsOfRows<FetchNothing>(in, rows, sums);
      }
      StoreTile(linear, row, rows, n, outputs, sums);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace merganser
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace merganser {

HWY_EXPORT(RunLinearBlock);

void RunLinear(const Linear& linear, const LinearBlock& block) {
  HWY_DYNAMIC_DISPATCH(RunLinearBlock)(linear, block);
}

}  // namespace merganser
#endif  // HWY_ONCE
