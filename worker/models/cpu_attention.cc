#include <algorithm>
#include <cmath>
#include <limits>

#include "worker/models/cpu_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/models/cpu_attention.cc"
#include <hwy/foreach_target.h>  // compiles this file once per instruction set
// After foreach_target.h:
#include <hwy/contrib/math/math-inl.h>

#include "worker/models/cpu_dots-inl.h"

#ifndef MERGANSER_WORKER_CPU_ATTENTION_ONCE
#define MERGANSER_WORKER_CPU_ATTENTION_ONCE
namespace merganser {
namespace {

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
#endif  // MERGANSER_WORKER_CPU_ATTENTION_ONCE

HWY_BEFORE_NAMESPACE();
namespace merganser {
namespace HWY_NAMESPACE {

// Unlike Highway's, exp(NaN) is NaN.
HWY_INLINE FloatVector Exponential(FloatVector x) {
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(Floats(), x));
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

}  // namespace HWY_NAMESPACE
}  // namespace merganser
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace merganser {

HWY_EXPORT(RunAttend);

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

}  // namespace merganser
#endif  // HWY_ONCE
