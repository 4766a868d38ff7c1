// Products of a few rows of one matrix with four of another, the heart of
// linear layers and of attention. Included once per instruction set, as
// Highway's own
// *-inl.h are.
#include <algorithm>
#include <cstdint>

#if defined(MERGANSER_WORKER_CPU_DOTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MERGANSER_WORKER_CPU_DOTS_INL_H_
#undef MERGANSER_WORKER_CPU_DOTS_INL_H_
#else
#define MERGANSER_WORKER_CPU_DOTS_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace merganser {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using FloatVector = hn::Vec<Floats>;

// Rows of the input that are multiplied at once, and rows of the weight by
// which they are.
inline constexpr int kTileRows = 6;
inline constexpr int kTileOutputs = 4;

HWY_INLINE int64_t LaneCount() {
  return static_cast<int64_t>(hn::Lanes(Floats()));
}

// Sums of products of one row of the input with four rows of the weight.
struct Products {
  FloatVector s0, s1, s2, s3;
};

HWY_INLINE Products NoProducts() {
  const FloatVector zero = hn::Zero(Floats());
  return {zero, zero, zero, zero};
}

HWY_INLINE void AddProducts(FloatVector x, FloatVector w0, FloatVector w1,
                            FloatVector w2, FloatVector w3, Products& sums) {
  sums.s0 = hn::MulAdd(x, w0, sums.s0);
  sums.s1 = hn::MulAdd(x, w1, sums.s1);
  sums.s2 = hn::MulAdd(x, w2, sums.s2);
  sums.s3 = hn::MulAdd(x, w3, sums.s3);
}

#if HWY_TARGET != HWY_SCALAR
// The sums over the lanes of four vectors, in four lanes.
template <class D, class V>
HWY_INLINE auto SumLanes(D d, V a, V b, V c, V e) {
  if constexpr (hn::MaxLanes(D()) > 4) {
    const hn::Half<D> half;
    return SumLanes(half,
                    hn::Add(hn::LowerHalf(half, a), hn::UpperHalf(half, a)),
                    hn::Add(hn::LowerHalf(half, b), hn::UpperHalf(half, b)),
                    hn::Add(hn::LowerHalf(half, c), hn::UpperHalf(half, c)),
                    hn::Add(hn::LowerHalf(half, e), hn::UpperHalf(half, e)));
  } else {
    const V ab =
        hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
    const V ce =
        hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
    return hn::Add(hn::ConcatLowerLower(d, ce, ab),
                   hn::ConcatUpperUpper(d, ce, ab));
  }
}
#endif

HWY_INLINE void StoreSums(const Products& p, float* sums) {
#if HWY_TARGET == HWY_SCALAR
  sums[0] = hn::GetLane(p.s0);
  sums[1] = hn::GetLane(p.s1);
  sums[2] = hn::GetLane(p.s2);
  sums[3] = hn::GetLane(p.s3);
#else
  const hn::CappedTag<float, kTileOutputs> four;
  hn::StoreU(SumLanes(Floats(), p.s0, p.s1, p.s2, p.s3), four, sums);
#endif
}

struct TileInputs {
  const float* x[kTileRows];
  const float* w[kTileOutputs];
  int64_t size;
  // Weights that are wanted soon: as many as w has; nullptr: they are in the
  // cache already.
  const float* ahead;
};

template <int kRows, class Load>
HWY_INLINE void AddTile(const TileInputs& in, int64_t k, const Load& load,
                        Products* sums) {
  const FloatVector w0 = load(in.w[0] + k);
  const FloatVector w1 = load(in.w[1] + k);
  const FloatVector w2 = load(in.w[2] + k);
  const FloatVector w3 = load(in.w[3] + k);
  AddProducts(load(in.x[0] + k), w0, w1, w2, w3, sums[0]);
  if constexpr (kRows > 1)
    AddProducts(load(in.x[1] + k), w0, w1, w2, w3, sums[1]);
  if constexpr (kRows > 2)
    AddProducts(load(in.x[2] + k), w0, w1, w2, w3, sums[2]);
  if constexpr (kRows > 3)
    AddProducts(load(in.x[3] + k), w0, w1, w2, w3, sums[3]);
  if constexpr (kRows > 4)
    AddProducts(load(in.x[4] + k), w0, w1, w2, w3, sums[4]);
  if constexpr (kRows > 5)
    AddProducts(load(in.x[5] + k), w0, w1, w2, w3, sums[5]);
}

struct LoadAll {
  HWY_INLINE FloatVector operator()(const float* from) const {
    return hn::LoadU(Floats(), from);
  }
};

struct LoadFirst {
  hn::Mask<Floats> mask;
  HWY_INLINE FloatVector operator()(const float* from) const {
    return hn::IfThenElseZero(mask, hn::LoadU(Floats(), from));
  }
};

// Writes the first `count` lanes and nothing behind them.
HWY_INLINE void StoreFirst(FloatVector value, int64_t count, float* to) {
  const Floats d;
  if (count >= LaneCount()) return hn::StoreU(value, d, to);
  alignas(64) float lanes[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(value, d, lanes);
  std::copy(lanes, lanes + count, to);
}

// What a tile does with its inputs at k, as far as memory goes.
struct Fetch {
  HWY_INLINE void operator()(const TileInputs& in, int64_t k) const {
    const float* const from = in.ahead + kTileOutputs * k;
    const int64_t step = LaneCount();
    for (int i = 0; i < kTileOutputs; ++i) hwy::Prefetch(from + i * step);
  }
};

struct FetchNothing {
  HWY_INLINE void operator()(const TileInputs&, int64_t) const {}
};

// sums[r][i] = x[r] · w[i]
template <int kRows, class Ahead>
HWY_INLINE void Dots(const TileInputs& in, float (*sums)[kTileOutputs]) {
  Products p[kTileRows] = {NoProducts(), NoProducts(), NoProducts(),
                           NoProducts(), NoProducts(), NoProducts()};
  const int64_t step = LaneCount();
  int64_t k = 0;
  for (; k + step <= in.size; k += step) {
    Ahead()(in, k);
    AddTile<kRows>(in, k, LoadAll(), p);
  }
  if (k < in.size) {
    const LoadFirst load{hn::FirstN(Floats(), in.size - k)};
    AddTile<kRows>(in, k, load, p);
  }
  StoreSums(p[0], sums[0]);
  if constexpr (kRows > 1) StoreSums(p[1], sums[1]);
  if constexpr (kRows > 2) StoreSums(p[2], sums[2]);
  if constexpr (kRows > 3) StoreSums(p[3], sums[3]);
  if constexpr (kRows > 4) StoreSums(p[4], sums[4]);
  if constexpr (kRows > 5) StoreSums(p[5], sums[5]);
}

template <class Ahead>
HWY_INLINE void DotsOfRows(const TileInputs& in, int64_t rows,
                           float (*sums)[kTileOutputs]) {
  switch (rows) {
    case 1:
      return Dots<1, Ahead>(in, sums);
    case 2:
      return Dots<2, Ahead>(in, sums);
    case 3:
      return Dots<3, Ahead>(in, sums);
    case 4:
      return Dots<4, Ahead>(in, sums);
    case 5:
      return Dots<5, Ahead>(in, sums);
    default:
      return Dots<6, Ahead>(in, sums);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace merganser
HWY_AFTER_NAMESPACE();

#endif  // MERGANSER_WORKER_CPU_DOTS_INL_H_
