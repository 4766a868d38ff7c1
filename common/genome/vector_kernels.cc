#include "common/genome/vector_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/genome/half_float.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/genome/vector_kernels.cc"
#include <hwy/foreach_target.h>  // compiles this file once per instruction set
// After foreach_target.h:
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#ifndef MERGANSER_GENOME_VECTOR_KERNELS_SCALAR
#define MERGANSER_GENOME_VECTOR_KERNELS_SCALAR
// Single elements; the same code for every instruction set.
namespace merganser {
namespace {

template <typename T>
T LoadBits(const uint8_t* bytes, int64_t index) {
  T bits;
  std::memcpy(&bits, bytes + index * sizeof(T), sizeof(T));
  return bits;
}

float LoadOne(const uint8_t* bytes, DType dtype, int64_t index) {
  switch (dtype) {
    case DType::kBF16:
      return WidenBF16(LoadBits<uint16_t>(bytes, index));
    case DType::kF16:
      return WidenF16(LoadBits<uint16_t>(bytes, index));
    default:
      return LoadBits<float>(bytes, index);
  }
}

void StoreOne(float value, DType dtype, int64_t index, uint8_t* out) {
  if (dtype == DType::kF32) {
    const uint32_t bits =
        std::isnan(value) ? kNaNF32 : std::bit_cast<uint32_t>(value);
    std::memcpy(out + index * sizeof(bits), &bits, sizeof(bits));
    return;
  }
  const uint16_t bits =
      dtype == DType::kBF16 ? RoundToBF16(value) : RoundToF16(value);
  std::memcpy(out + index * sizeof(bits), &bits, sizeof(bits));
}

float Rounded(float value, DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return WidenBF16(RoundToBF16(value));
    case DType::kF16:
      return WidenF16(RoundToF16(value));
    default:
      return value;
  }
}

void CombineOneByOne(std::span<const WeightedInput> inputs, OutputFormat format,
                     int64_t begin, int64_t end, uint8_t* out) {
  for (int64_t i = begin; i < end; ++i) {
    float sum = 0;
    for (const WeightedInput& input : inputs) {
      sum = std::fma(input.coefficient, LoadOne(input.bytes, input.dtype, i),
                     sum);
    }
    if (format.widened) sum = Rounded(sum, format.dtype);
    StoreOne(sum, format.held(), i, out);
  }
}

}  // namespace
}  // namespace merganser
#endif  // MERGANSER_GENOME_VECTOR_KERNELS_SCALAR

HWY_BEFORE_NAMESPACE();
namespace merganser {
namespace HWY_NAMESPACE {

#if HWY_NATIVE_FMA

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using FloatVector = hn::Vec<Floats>;

template <DType kDType>
HWY_INLINE FloatVector LoadWidened(const uint8_t* bytes) {
  const Floats floats;
  const hn::Rebind<uint16_t, Floats> halves;
  if constexpr (kDType == DType::kF32) {
    const hn::Repartition<uint8_t, Floats> raw;
    return hn::BitCast(floats, hn::LoadU(raw, bytes));
  } else if constexpr (kDType == DType::kBF16) {
    const hn::RebindToUnsigned<Floats> words;
    const hn::Repartition<uint8_t, decltype(halves)> raw;
    const auto bits = hn::BitCast(halves, hn::LoadU(raw, bytes));
    return hn::BitCast(floats, hn::ShiftLeft<16>(hn::PromoteTo(words, bits)));
  } else {
    const hn::Rebind<hwy::float16_t, Floats> float16s;
    const hn::Repartition<uint8_t, decltype(halves)> raw;
    const auto bits = hn::BitCast(halves, hn::LoadU(raw, bytes));
    return hn::PromoteTo(floats, hn::BitCast(float16s, bits));
  }
}

void WidenVectors(const uint8_t* bytes, DType dtype, int64_t elements,
                  float* out) {
  const Floats floats;
  const auto step = static_cast<int64_t>(hn::Lanes(floats));
  int64_t i = 0;
  for (; i + step <= elements; i += step) {
    const uint8_t* const from = bytes + i * DTypeBytes(dtype);
    const FloatVector value =
        dtype == DType::kF32    ? LoadWidened<DType::kF32>(from)
        : dtype == DType::kBF16 ? LoadWidened<DType::kBF16>(from)
                                : LoadWidened<DType::kF16>(from);
    hn::StoreU(value, floats, out + i);
  }
  for (; i < elements; ++i) out[i] = LoadOne(bytes, dtype, i);
}

// Four vectors of sums: enough to hide the latency of a fused multiply-add.
struct Sums {
  FloatVector s0, s1, s2, s3;
};

template <DType kDType>
HWY_INLINE void AddInput(const WeightedInput& input, int64_t first,
                         Sums& sums) {
  const Floats floats;
  const int64_t stride =
      static_cast<int64_t>(hn::Lanes(floats)) * DTypeBytes(kDType);
  const uint8_t* const from = input.bytes + first * DTypeBytes(kDType);
  const FloatVector c = hn::Set(floats, input.coefficient);
  sums.s0 = hn::MulAdd(c, LoadWidened<kDType>(from), sums.s0);
  sums.s1 = hn::MulAdd(c, LoadWidened<kDType>(from + stride), sums.s1);
  sums.s2 = hn::MulAdd(c, LoadWidened<kDType>(from + 2 * stride), sums.s2);
  sums.s3 = hn::MulAdd(c, LoadWidened<kDType>(from + 3 * stride), sums.s3);
}

template <bool kStreaming, class D, class V>
HWY_INLINE void StoreBytes(D d, V value, uint8_t* out) {
  if constexpr (kStreaming) {
    hn::Stream(value, d, reinterpret_cast<hn::TFromD<D>*>(out));
  } else {
    const hn::Repartition<uint8_t, D> raw;
    hn::StoreU(hn::BitCast(raw, value), raw, out);
  }
}

constexpr DType Held(DType dtype, bool widened) {
  return OutputFormat{dtype, widened}.held();
}

template <DType kDType, bool kWidened, bool kStreaming>
HWY_INLINE void StoreRounded(FloatVector value, uint8_t* out) {
  const Floats floats;
  const hn::RebindToUnsigned<Floats> words;
  const hn::Rebind<uint16_t, Floats> halves;
  const auto quiet_nan = hn::BitCast(floats, hn::Set(words, kNaNF32));
  value = hn::IfThenElse(hn::IsNaN(value), quiet_nan, value);
  if constexpr (kDType == DType::kF32) {
    StoreBytes<kStreaming>(floats, value, out);
  } else if constexpr (kDType == DType::kBF16) {
    // The quiet NaN has zeros below the bits that are kept: it stays itself.
    const auto bits = hn::BitCast(words, value);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(words, 1));
    const auto rounded =
        hn::Add(bits, hn::Add(odd, hn::Set(words, uint32_t{0x7fff})));
    if constexpr (kWidened) {
      const auto kept = hn::And(rounded, hn::Set(words, uint32_t{0xffff0000}));
      StoreBytes<kStreaming>(floats, hn::BitCast(floats, kept), out);
    } else {
      StoreBytes<kStreaming>(
          halves, hn::TruncateTo(halves, hn::ShiftRight<16>(rounded)), out);
    }
  } else {
    const hn::Rebind<hwy::float16_t, Floats> float16s;
    const auto rounded = hn::DemoteTo(float16s, value);
    if constexpr (kWidened) {
      StoreBytes<kStreaming>(floats, hn::PromoteTo(floats, rounded), out);
    } else {
      StoreBytes<kStreaming>(halves, hn::BitCast(halves, rounded), out);
    }
  }
}

template <DType kDType, bool kWidened, bool kStreaming>
HWY_INLINE void CombineFourVectors(std::span<const WeightedInput> inputs,
                                   int64_t first, uint8_t* out) {
  const Floats floats;
  const FloatVector zero = hn::Zero(floats);
  Sums sums{zero, zero, zero, zero};
  for (const WeightedInput& input : inputs) {
    switch (input.dtype) {
      case DType::kF32:
        AddInput<DType::kF32>(input, first, sums);
        break;
      case DType::kBF16:
        AddInput<DType::kBF16>(input, first, sums);
        break;
      case DType::kF16:
        AddInput<DType::kF16>(input, first, sums);
        break;
    }
  }
  constexpr int64_t kElementBytes = DTypeBytes(Held(kDType, kWidened));
  const int64_t stride =
      static_cast<int64_t>(hn::Lanes(floats)) * kElementBytes;
  out += first * kElementBytes;
  StoreRounded<kDType, kWidened, kStreaming>(sums.s0, out);
  StoreRounded<kDType, kWidened, kStreaming>(sums.s1, out + stride);
  StoreRounded<kDType, kWidened, kStreaming>(sums.s2, out + 2 * stride);
  StoreRounded<kDType, kWidened, kStreaming>(sums.s3, out + 3 * stride);
}

template <DType kDType, bool kWidened>
HWY_INLINE void CombineOneVector(std::span<const WeightedInput> inputs,
                                 int64_t first, uint8_t* out) {
  const Floats floats;
  FloatVector sum = hn::Zero(floats);
  for (const WeightedInput& input : inputs) {
    const uint8_t* const from = input.bytes + first * DTypeBytes(input.dtype);
    const FloatVector value =
        input.dtype == DType::kF32    ? LoadWidened<DType::kF32>(from)
        : input.dtype == DType::kBF16 ? LoadWidened<DType::kBF16>(from)
                                      : LoadWidened<DType::kF16>(from);
    sum = hn::MulAdd(hn::Set(floats, input.coefficient), value, sum);
  }
  StoreRounded<kDType, kWidened, /*kStreaming=*/false>(
      sum, out + first * DTypeBytes(Held(kDType, kWidened)));
}

template <DType kDType, bool kWidened, bool kStreaming>
void CombineAs(std::span<const WeightedInput> inputs, int64_t elements,
               uint8_t* out) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Floats()));
  int64_t i = 0;
  if constexpr (kStreaming) {  // such stores are of whole, aligned vectors
    constexpr int64_t kElementBytes = DTypeBytes(Held(kDType, kWidened));
    const int64_t alignment = lanes * kElementBytes;
    const auto address = static_cast<int64_t>(
        reinterpret_cast<uintptr_t>(out) % static_cast<uintptr_t>(alignment));
    const int64_t gap = (alignment - address) % alignment;
    i = std::min(elements, gap / kElementBytes);
    CombineOneByOne(inputs, {kDType, kWidened}, 0, i, out);
  }
  for (; i + 4 * lanes <= elements; i += 4 * lanes) {
    CombineFourVectors<kDType, kWidened, kStreaming>(inputs, i, out);
  }
  for (; i + lanes <= elements; i += lanes) {
    CombineOneVector<kDType, kWidened>(inputs, i, out);
  }
  if (i < elements && elements >= lanes) {
    // Some of these are there already, and come out the same.
    CombineOneVector<kDType, kWidened>(inputs, elements - lanes, out);
  } else {
    CombineOneByOne(inputs, {kDType, kWidened}, i, elements, out);
  }
  if constexpr (kStreaming) hwy::FlushStream();
}

template <DType kDType, bool kWidened>
void CombineStreamingOrNot(std::span<const WeightedInput> inputs,
                           int64_t elements, bool streaming, uint8_t* out) {
  const bool aligned =
      reinterpret_cast<uintptr_t>(out) % DTypeBytes(Held(kDType, kWidened)) ==
      0;
  if (streaming && aligned) {
    CombineAs<kDType, kWidened, true>(inputs, elements, out);
  } else {
    CombineAs<kDType, kWidened, false>(inputs, elements, out);
  }
}

template <DType kDType>
void CombineWidenedOrNot(std::span<const WeightedInput> inputs,
                         int64_t elements, bool widened, bool streaming,
                         uint8_t* out) {
  if (widened) {
    CombineStreamingOrNot<kDType, true>(inputs, elements, streaming, out);
  } else {
    CombineStreamingOrNot<kDType, false>(inputs, elements, streaming, out);
  }
}

void CombineVectors(std::span<const WeightedInput> inputs, int64_t elements,
                    OutputFormat format, bool streaming, uint8_t* out) {
  switch (format.dtype) {
    case DType::kF32:
      return CombineStreamingOrNot<DType::kF32, false>(inputs, elements,
                                                       streaming, out);
    case DType::kBF16:
      return CombineWidenedOrNot<DType::kBF16>(inputs, elements, format.widened,
                                               streaming, out);
    case DType::kF16:
      return CombineWidenedOrNot<DType::kF16>(inputs, elements, format.widened,
                                              streaming, out);
  }
}

void AddProductsVectors(const float* a, const float* b, int64_t elements,
                        double* lanes) {
  const hn::CappedTag<double, kGramLanes> doubles;
  const hn::Rebind<float, decltype(doubles)> floats;
  const auto step = static_cast<int64_t>(hn::Lanes(doubles));
  const int64_t whole = elements / kGramLanes * kGramLanes;
  for (int64_t lane = 0; lane < kGramLanes; lane += step) {
    auto sum = hn::LoadU(doubles, lanes + lane);
    for (int64_t i = lane; i < whole; i += kGramLanes) {
      // The product is exact, so that fusing it with the addition or not gives
      // the same bits.
      sum = hn::MulAdd(hn::PromoteTo(doubles, hn::LoadU(floats, a + i)),
                       hn::PromoteTo(doubles, hn::LoadU(floats, b + i)), sum);
    }
    hn::StoreU(sum, doubles, lanes + lane);
  }
  for (int64_t i = whole; i < elements; ++i) {
    lanes[i - whole] += double{a[i]} * double{b[i]};
  }
}

// Whether any element of whole vectors has all the bits of `exponent`; the
// elements after `checked` are not looked at.
template <typename T>
bool AnyHasExponent(const uint8_t* bytes, int64_t elements, T exponent,
                    int64_t& checked) {
  const hn::ScalableTag<T> d;
  const hn::Repartition<uint8_t, decltype(d)> raw;
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  const auto mask = hn::Set(d, exponent);
  for (checked = 0; checked + step <= elements; checked += step) {
    const auto bits =
        hn::BitCast(d, hn::LoadU(raw, bytes + checked * sizeof(T)));
    if (!hn::AllFalse(d, hn::Eq(hn::And(bits, mask), mask))) return true;
  }
  return false;
}

int64_t FirstNotFiniteVectors(const uint8_t* bytes, DType dtype,
                              int64_t elements) {
  int64_t i = 0;
  if (dtype == DType::kF32) {
    AnyHasExponent<uint32_t>(bytes, elements, 0x7f800000, i);
  } else {
    const uint16_t exponent = dtype == DType::kBF16 ? 0x7f80 : 0x7c00;
    AnyHasExponent<uint16_t>(bytes, elements, exponent, i);
  }
  while (i < elements && std::isfinite(LoadOne(bytes, dtype, i))) ++i;
  return i;
}

#else  // instruction sets of before 2013: correct, and slow

void WidenVectors(const uint8_t* bytes, DType dtype, int64_t elements,
                  float* out) {
  for (int64_t i = 0; i < elements; ++i) out[i] = LoadOne(bytes, dtype, i);
}

void CombineVectors(std::span<const WeightedInput> inputs, int64_t elements,
                    OutputFormat format, bool /*streaming*/, uint8_t* out) {
  CombineOneByOne(inputs, format, 0, elements, out);
}

void AddProductsVectors(const float* a, const float* b, int64_t elements,
                        double* lanes) {
  for (int64_t i = 0; i < elements; ++i) {
    lanes[i % kGramLanes] += double{a[i]} * double{b[i]};
  }
}

int64_t FirstNotFiniteVectors(const uint8_t* bytes, DType dtype,
                              int64_t elements) {
  int64_t i = 0;
  while (i < elements && std::isfinite(LoadOne(bytes, dtype, i))) ++i;
  return i;
}

#endif  // HWY_NATIVE_FMA

}  // namespace HWY_NAMESPACE
}  // namespace merganser
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace merganser {

HWY_EXPORT(CombineVectors);
HWY_EXPORT(WidenVectors);
HWY_EXPORT(AddProductsVectors);
HWY_EXPORT(FirstNotFiniteVectors);

void Combine(std::span<const WeightedInput> inputs, int64_t elements,
             OutputFormat format, bool streaming, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(CombineVectors)
  (inputs, elements, format, streaming, out);
}

void Widen(const uint8_t* bytes, DType dtype, int64_t elements, float* out) {
  HWY_DYNAMIC_DISPATCH(WidenVectors)(bytes, dtype, elements, out);
}

void AddProducts(const float* a, const float* b, int64_t elements,
                 std::array<double, kGramLanes>& lanes) {
  HWY_DYNAMIC_DISPATCH(AddProductsVectors)(a, b, elements, lanes.data());
}

int64_t FirstNotFinite(const uint8_t* bytes, DType dtype, int64_t elements) {
  return HWY_DYNAMIC_DISPATCH(FirstNotFiniteVectors)(bytes, dtype, elements);
}

}  // namespace merganser
#endif  // HWY_ONCE
