#include "worker/models/cpu_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/models/cpu_kernels.cc"
#include <hwy/foreach_target.h>  // compiles this file once per instruction set
// After foreach_target.h:
#include <hwy/cache_control.h>
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#ifndef MERGANSER_WORKER_CPU_KERNELS_ONCE
#define MERGANSER_WORKER_CPU_KERNELS_ONCE
namespace merganser {
namespace {

constexpr int kTileRows = 6;  // rows of the input that are multiplied at once
constexpr int kTileOutputs = 4;  // by as many rows of the weight
// Floats from a weight to the one that is fetched meanwhile.
constexpr int64_t kFetchAhead = 3072;
constexpr int64_t kQueryBlock = 32;  // tokens whose scores are held at once
constexpr int64_t kScoreAlignment = 64;

int64_t RoundDown(int64_t value) {
  return value / kScoreAlignment * kScoreAlignment;
}
int64_t RoundUp(int64_t value) {
  return RoundDown(value + kScoreAlignment - 1);
}

}  // namespace
}  // namespace merganser
#endif  // MERGANSER_WORKER_CPU_KERNELS_ONCE

HWY_BEFORE_NAMESPACE();
namespace merganser {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using FloatVector = hn::Vec<Floats>;

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

// Unlike Highway's, exp(NaN) is NaN.
HWY_INLINE FloatVector Exponential(FloatVector x) {
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(Floats(), x));
}

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

// What a token may see, as indices of positions: begin is where the scores
// begin, a multiple of kScoreAlignment, so that a token's sums are the same in
// whatever segment it is computed.
struct Visible {
  int64_t begin, first, end;
};

HWY_INLINE Visible VisibleFrom(const Attention& a, int64_t token) {
  const int64_t end = a.position + token + 1;
  const int64_t first = std::max<int64_t>(0, end - a.window);
  return {RoundDown(first), first, end};
}

// scores[r][p - base] = queries[r] · key of position p, for p in [from, to)
HWY_INLINE void ScoreTile(const Attention& a, const float* const* queries,
                          int64_t rows, int64_t from, int64_t to, int64_t base,
                          float* scores, int64_t stride) {
  alignas(64) float sums[kTileRows][kTileOutputs];
  TileInputs in{.size = a.head_size};
  for (int64_t r = 0; r < rows; ++r) in.x[r] = queries[r];
  int64_t position = 0;  // of the range's first key
  for (const KeyRange& range : a.ranges) {
    const int64_t length = range.end - range.begin;
    const int64_t end = std::min(to, position + length);
    for (int64_t p = std::max(from, position); p < end; p += kTileOutputs) {
      const int64_t count = std::min<int64_t>(kTileOutputs, end - p);
      for (int64_t i = 0; i < kTileOutputs; ++i) {
        in.w[i] =
            a.keys + (range.begin + p - position + std::min(i, count - 1)) *
                         a.row_stride;
      }
      DotsOfRows<FetchNothing>(in, rows, sums);
      for (int64_t r = 0; r < rows; ++r) {
        float* const to_row = scores + r * stride + (p - base);
        for (int64_t i = 0; i < count; ++i) to_row[i] = sums[r][i];
      }
    }
    position += length;
  }
}

// Makes scores of [begin, end) weights that add up to one; begin … first-1 are
// not seen. Writes up to the next multiple of kScoreAlignment.
HWY_INLINE void Softmax(const Visible& visible, float scale, float* scores) {
  const Floats d;
  const int64_t size = RoundUp(visible.end - visible.begin);
  const float nothing = -std::numeric_limits<float>::infinity();
  std::fill(scores, scores + (visible.first - visible.begin), nothing);
  std::fill(scores + (visible.end - visible.begin), scores + size, nothing);
  const int64_t step = LaneCount();
  FloatVector largest = hn::Set(d, nothing);
  for (int64_t i = 0; i < size; i += step) {
    largest = hn::Max(largest, hn::LoadU(d, scores + i));
  }
  const FloatVector top = hn::MaxOfLanes(d, largest);
  const FloatVector factor = hn::Set(d, scale);
  FloatVector sums = hn::Zero(d);
  for (int64_t i = 0; i < size; i += step) {
    const FloatVector x = hn::Sub(hn::LoadU(d, scores + i), top);
    const FloatVector weight = Exponential(hn::Mul(x, factor));
    sums = hn::Add(sums, weight);
    hn::StoreU(weight, d, scores + i);
  }
  const FloatVector all = hn::Div(hn::Set(d, 1.0F), hn::SumOfLanes(d, sums));
  for (int64_t i = 0; i < size; i += step) {
    hn::StoreU(hn::Mul(hn::LoadU(d, scores + i), all), d, scores + i);
  }
}

// Adds weights[r] times the values' four vectors from `column` on to out[r].
template <int kRows>
HWY_INLINE void AddValues(const float* values, const float* weights,
                          int64_t stride, Products* out) {
  const Floats d;
  const int64_t step = LaneCount();
  const FloatVector v0 = hn::LoadU(d, values);
  const FloatVector v1 = hn::LoadU(d, values + step);
  const FloatVector v2 = hn::LoadU(d, values + 2 * step);
  const FloatVector v3 = hn::LoadU(d, values + 3 * step);
  AddProducts(hn::Set(d, weights[0]), v0, v1, v2, v3, out[0]);
  if constexpr (kRows > 1)
    AddProducts(hn::Set(d, weights[stride]), v0, v1, v2, v3, out[1]);
  if constexpr (kRows > 2)
    AddProducts(hn::Set(d, weights[2 * stride]), v0, v1, v2, v3, out[2]);
  if constexpr (kRows > 3)
    AddProducts(hn::Set(d, weights[3 * stride]), v0, v1, v2, v3, out[3]);
}

HWY_INLINE void StoreProducts(const Products& sums, float* to) {
  const Floats d;
  const int64_t step = LaneCount();
  hn::StoreU(sums.s0, d, to);
  hn::StoreU(sums.s1, d, to + step);
  hn::StoreU(sums.s2, d, to + 2 * step);
  hn::StoreU(sums.s3, d, to + 3 * step);
}

struct WeightedValues {
  const Attention& attention;
  Visible visible;
  const float* weights;  // [heads][stride], from visible.begin on
  int64_t stride;
  float* output;  // [heads][head_size]
};

// Calls visit(values of position p, p - visible.begin) for what is seen.
template <class Visit>
HWY_INLINE void ForEachKey(const WeightedValues& in, const Visit& visit) {
  int64_t position = 0;
  for (const KeyRange& range : in.attention.ranges) {
    const int64_t length = range.end - range.begin;
    const int64_t end = std::min(in.visible.end, position + length);
    for (int64_t p = std::max(in.visible.first, position); p < end; ++p) {
      visit(in.attention.values +
                (range.begin + p - position) * in.attention.row_stride,
            p - in.visible.begin);
    }
    position += length;
  }
}

template <int kRows>
struct VisitFour {
  const WeightedValues& in;
  int64_t head, column;
  Products* sums;
  HWY_INLINE void operator()(const float* values, int64_t index) const {
    AddValues<kRows>(values + column, in.weights + head * in.stride + index,
                     in.stride, sums);
  }
};

// Four vectors of columns of kRows heads.
template <int kRows>
HWY_INLINE void SumFourVectors(const WeightedValues& in, int64_t head,
                               int64_t column) {
  Products sums[4] = {NoProducts(), NoProducts(), NoProducts(), NoProducts()};
  ForEachKey(in, VisitFour<kRows>{in, head, column, sums});
  float* const to = in.output + head * in.attention.head_size + column;
  StoreProducts(sums[0], to);
  if constexpr (kRows > 1) StoreProducts(sums[1], to + in.attention.head_size);
  if constexpr (kRows > 2)
    StoreProducts(sums[2], to + 2 * in.attention.head_size);
  if constexpr (kRows > 3)
    StoreProducts(sums[3], to + 3 * in.attention.head_size);
}

struct VisitOne {
  const float* weights;  // of four heads, or of one four times
  int64_t s1, s2, s3;
  int64_t column;
  LoadFirst load;
  Products& sums;
  HWY_INLINE void operator()(const float* values, int64_t index) const {
    const Floats d;
    const FloatVector v = load(values + column);
    const float* const w = weights + index;
    sums.s0 = hn::MulAdd(hn::Set(d, w[0]), v, sums.s0);
    sums.s1 = hn::MulAdd(hn::Set(d, w[s1]), v, sums.s1);
    sums.s2 = hn::MulAdd(hn::Set(d, w[s2]), v, sums.s2);
    sums.s3 = hn::MulAdd(hn::Set(d, w[s3]), v, sums.s3);
  }
};

// Up to a vector of columns of up to four heads.
HWY_INLINE void SumOneVector(const WeightedValues& in, int64_t head,
                             int64_t heads, int64_t column) {
  const int64_t size = in.attention.head_size;
  const int64_t count = std::min(LaneCount(), size - column);
  Products sums = NoProducts();
  const auto row = [&](int64_t i) { return std::min(i, heads - 1); };
  ForEachKey(in, VisitOne{in.weights + head * in.stride, row(1) * in.stride,
                          row(2) * in.stride, row(3) * in.stride, column,
                          LoadFirst{hn::FirstN(Floats(), count)}, sums});
  float* const to = in.output + head * size + column;
  StoreFirst(sums.s0, count, to);
  if (heads > 1) StoreFirst(sums.s1, count, to + size);
  if (heads > 2) StoreFirst(sums.s2, count, to + 2 * size);
  if (heads > 3) StoreFirst(sums.s3, count, to + 3 * size);
}

HWY_INLINE void SumFour(const WeightedValues& in, int64_t head, int64_t heads,
                        int64_t column) {
  switch (heads) {
    case 1:
      return SumFourVectors<1>(in, head, column);
    case 2:
      return SumFourVectors<2>(in, head, column);
    case 3:
      return SumFourVectors<3>(in, head, column);
    default:
      return SumFourVectors<4>(in, head, column);
  }
}

HWY_INLINE void SumValues(const WeightedValues& in) {
  const int64_t four = 4 * LaneCount();
  const int64_t size = in.attention.head_size;
  for (int64_t head = 0; head < in.attention.heads; head += 4) {
    const int64_t heads = std::min<int64_t>(4, in.attention.heads - head);
    int64_t column = 0;
    for (; column + four <= size; column += four)
      SumFour(in, head, heads, column);
    for (; column < size; column += LaneCount()) {
      SumOneVector(in, head, heads, column);
    }
  }
}

// Scores of tokens begin … end-1, for all their heads.
// Shape: scores is [end - begin][heads][stride], from position `base` on.
HWY_INLINE void ScoreBlock(const Attention& a, int64_t begin, int64_t end,
                           int64_t base, float* scores, int64_t stride) {
  const int64_t rows = (end - begin) * a.heads;
  for (int64_t row = 0; row < rows; row += kTileRows) {
    const int64_t count = std::min<int64_t>(kTileRows, rows - row);
    const float* queries[kTileRows];
    for (int64_t r = 0; r < count; ++r) {
      queries[r] = a.queries + (begin + (row + r) / a.heads) * a.query_stride +
                   (row + r) % a.heads * a.head_size;
    }
    const Visible first = VisibleFrom(a, begin + row / a.heads);
    const Visible last = VisibleFrom(a, begin + (row + count - 1) / a.heads);
    ScoreTile(a, queries, count, first.first, last.end, base,
              scores + row * stride, stride);
  }
}

void RunAttend(const Attention& a, float* scratch) {
  const float scale = 1 / std::sqrt(static_cast<float>(a.head_size));
  for (int64_t begin = 0; begin < a.count; begin += kQueryBlock) {
    const int64_t end = std::min(begin + kQueryBlock, a.count);
    const int64_t base = VisibleFrom(a, begin).begin;
    const int64_t stride = RoundUp(a.position + end - base);
    ScoreBlock(a, begin, end, base, scratch, stride);
    for (int64_t token = begin; token < end; ++token) {
      const Visible visible = VisibleFrom(a, token);
      float* const weights =
          scratch + (token - begin) * a.heads * stride + (visible.begin - base);
      for (int64_t head = 0; head < a.heads; ++head) {
        Softmax(visible, scale, weights + head * stride);
      }
      SumValues(
          {a, visible, weights, stride, a.output + token * a.query_stride});
    }
  }
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
  if (std::isnan(top)) return {-1, std::numeric_limits<double>::quiet_NaN()};
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

HWY_EXPORT(RunLinearBlock);
HWY_EXPORT(RunRmsNorm);
HWY_EXPORT(RunRotate);
HWY_EXPORT(RunGatedSilu);
HWY_EXPORT(RunAttend);
HWY_EXPORT(RunSummarise);

void RunLinear(const Linear& linear, const LinearBlock& block) {
  HWY_DYNAMIC_DISPATCH(RunLinearBlock)(linear, block);
}

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

int64_t AttentionScratch(const Attention& attention) {
  const int64_t tokens = std::min(attention.count, kQueryBlock);
  const int64_t keys =
      std::min(attention.position + attention.count,
               attention.window + kQueryBlock + kScoreAlignment);
  return tokens * attention.heads * RoundUp(keys) + kReadableBehind;
}

void Attend(const Attention& attention, float* scratch) {
  HWY_DYNAMIC_DISPATCH(RunAttend)(attention, scratch);
}

LogitSummary Summarise(const float* logits, int64_t size, bool wants_log_sum) {
  return HWY_DYNAMIC_DISPATCH(RunSummarise)(logits, size, wants_log_sum);
}

}  // namespace merganser
#endif  // HWY_ONCE
