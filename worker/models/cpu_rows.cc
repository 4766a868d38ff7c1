#include <algorithm>
#include <cmath>
#include <limits>

#include "worker/models/cpu_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/models/cpu_rows.cc"
#include <hwy/foreach_target.h>  // compiles this file once per instruction set
// After foreach_target.h:
#include <hwy/contrib/math/math-inl.h>

#include "worker/models/cpu_dots-inl.h"

HWY_BEFORE_NAMESPACE();
namespace merganser {
namespace HWY_NAMESPACE {

void RunRmsNorm(const float* input, const float* weight, int64_t size,
                float epsilon, float* output) {
  const Floats d;
  const int64_t step = LaneCount();
  FloatVector sums = hn::Zero(d);
  int64_t i = 0;
  for (; i + step <= size; i += step) {
    const FloatVector x = hn::LoadU(d, input + i);
    sums = hn::MulAdd(x, x, sums);
  }
  if (i < size) {
    const FloatVector x = LoadFirst{hn::FirstN(d, size - i)}(input + i);
    sums = hn::MulAdd(x, x, sums);
  }
  const float mean =
      hn::GetLane(hn::SumOfLanes(d, sums)) / static_cast<float>(size);
  const float factor = 1 / std::sqrt(mean + epsilon);
  for (i = 0; i < size; ++i) output[i] = weight[i] * (input[i] * factor);
}

void RunRotate(const float* cosines, const float* sines, int64_t half,
               float* x) {
  for (int64_t i = 0; i < half; ++i) {
    const float low = x[i];
    const float high = x[i + half];
    x[i] = low * cosines[i] - high * sines[i];
    x[i + half] = high * cosines[i] + low * sines[i];
  }
}

HWY_INLINE FloatVector GatedSiluVector(FloatVector gate, FloatVector up) {
  const Floats d;
  // Beyond it, exp() is infinite and so small a result nothing.
  const FloatVector exponent = hn::Min(hn::Neg(gate), hn::Set(d, 88.0F));
  const FloatVector one = hn::Set(d, 1.0F);
  return hn::Mul(hn::Div(gate, hn::Add(one, hn::Exp(d, exponent))), up);
}

void RunGatedSilu(const float* up, int64_t size, float* gate) {
  const Floats d;
  const int64_t step = LaneCount();
  int64_t i = 0;
  for (; i + step <= size; i += step) {
    const FloatVector y =
        GatedSiluVector(hn::LoadU(d, gate + i), hn::LoadU(d, up + i));
    hn::StoreU(y, d, gate + i);
  }
  if (i == size) return;
  const LoadFirst load{hn::FirstN(d, size - i)};
  const FloatVector y = GatedSiluVector(load(gate + i), load(up + i));
  StoreFirst(y, size - i, gate + i);
}

// NaN where one is.
HWY_INLINE float Largest(const float* logits, int64_t size) {
  const Floats d;
  const int64_t step = LaneCount();
  FloatVector largest = hn::Set(d, -std::numeric_limits<float>::infinity());
  hn::Mask<Floats> nan = hn::IsNaN(largest);
  int64_t i = 0;
  for (; i + step <= size; i += step) {
    const FloatVector x = hn::LoadU(d, logits + i);
    nan = hn::Or(nan, hn::IsNaN(x));
    largest = hn::Max(largest, x);
  }
  float top = hn::GetLane(hn::MaxOfLanes(d, largest));
  bool has_nan = !hn::AllFalse(d, nan);
  for (; i < size; ++i) {
    has_nan = has_nan || std::isnan(logits[i]);
    top = std::max(top, logits[i]);
  }
  return has_nan ? std::numeric_limits<float>::quiet_NaN() : top;
}

// Σ exp(logit - top), the terms in float, their sum in double.
HWY_INLINE double SumOfExponentials(const float* logits, int64_t size,
                                    float top) {
  int64_t i = 0;
  double sum = 0;
#if HWY_TARGET != HWY_SCALAR
  const Floats d;
  const hn::Half<Floats> half;
  const hn::Repartition<double, Floats> doubles;
  const int64_t step = LaneCount();
  auto low = hn::Zero(doubles);
  auto high = hn::Zero(doubles);
  for (; i + step <= size; i += step) {
    const FloatVector e =
        hn::Exp(d, hn::Sub(hn::LoadU(d, logits + i), hn::Set(d, top)));
    low = hn::Add(low, hn::PromoteTo(doubles, hn::LowerHalf(half, e)));
    high = hn::Add(high, hn::PromoteTo(doubles, hn::UpperHalf(half, e)));
  }
  sum = hn::GetLane(hn::SumOfLanes(doubles, hn::Add(low, high)));
#endif
  for (; i < size; ++i) sum += std::exp(double{logits[i]} - double{top});
  return sum;
}

LogitSummary RunSummarise(const float* logits, int64_t size,
                          bool wants_log_sum) {
  const float top = Largest(logits, size);
  // Infinite logits have no probabilities either.
  if (!std::isfinite(top))
    return {-1, std::numeric_limits<double>::quiet_NaN()};
  LogitSummary summary;
  summary.best =
      static_cast<int32_t>(std::find(logits, logits + size, top) - logits);
  if (wants_log_sum) {
    summary.log_sum =
        double{top} + std::log(SumOfExponentials(logits, size, top));
  }
  return summary;
}

}  // namespace HWY_NAMESPACE
}  // namespace merganser
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace merganser {

HWY_EXPORT(RunRmsNorm);
HWY_EXPORT(RunRotate);
HWY_EXPORT(RunGatedSilu);
HWY_EXPORT(RunSummarise);

void RmsNorm(const float* input, const float* weight, int64_t size,
             float epsilon, float* output) {
  HWY_DYNAMIC_DISPATCH(RunRmsNorm)(input, weight, size, epsilon, output);
}

void Rotate(const float* cosines, const float* sines, int64_t half, float* x) {
  HWY_DYNAMIC_DISPATCH(RunRotate)(cosines, sines, half, x);
}

void GatedSilu(const float* up, int64_t size, float* gate) {
  HWY_DYNAMIC_DISPATCH(RunGatedSilu)(up, size, gate);
}

LogitSummary Summarise(const float* logits, int64_t size, bool wants_log_sum) {
  return HWY_DYNAMIC_DISPATCH(RunSummarise)(logits, size, wants_log_sum);
}

}  // namespace merganser
#endif  // HWY_ONCE
