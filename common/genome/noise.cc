#include "common/genome/noise.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "common/base/random.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/genome/noise.cc"
#include <hwy/foreach_target.h>  // compiles this file once per instruction set
// After foreach_target.h:
#include <hwy/highway.h>

#ifndef MERGANSER_GENOME_NOISE_SCALAR
#define MERGANSER_GENOME_NOISE_SCALAR
// What all instruction sets share: the numbers, and single elements.
namespace merganser {
namespace {

// Words that are made before they are used; a power of two.
constexpr int64_t kWords = 1024;

// t = (signed word) * kScale + kHalfStep, exactly.
constexpr double kScale = 0x1p-31;
constexpr double kHalfStep = 0x1p-32;
// The tails: 1 - t^2 below this.
constexpr double kTail = 0x1p-6;

// Of 1 - t^2, the constant term last.
constexpr std::array<double, 7> kNumerator = {
    0x1.b9813d548c74ap+16, 0x1.77366f25da9afp+20, 0x1.0f5fd0c0bb31ep+21,
    0x1.5b29a8b97c95cp+19, 0x1.caa7008bc84d2p+15, 0x1.22f1193f3b351p+10,
    0x1.d00eb7a189cdfp+1};
constexpr std::array<double, 7> kDenominator = {0x1.14fc253137b3ep+18,
                                                0x1.7bb815d51291fp+20,
                                                0x1.69b0babc46cbap+20,
                                                0x1.5fdd5092236fcp+18,
                                                0x1.78b938ea36b40p+14,
                                                0x1.8cb6b52615c89p+8,
                                                1.0};
// Of sqrt(-2 ln q) - kTailCentre, q being the probability of the tail.
constexpr std::array<double, 10> kTailTerms = {
    0x1.ca7c4636414e5p-25,  -0x1.3899b1881a169p-22, 0x1.524c38a408f9ap-20,
    -0x1.eecb82f126878p-18, 0x1.73230f51fc675p-15,  -0x1.13e3ae4131bcep-12,
    0x1.a35c52916b3f4p-10,  -0x1.49b21ac75a634p-7,  0x1.1130612b493e2p+0,
    0x1.1ebd79d881cb0p+2};
constexpr double kTailCentre = 5.0;

// ln q = e ln 2 + 2 atanh(z), z = (m - 1) / (m + 1), q = m 2^e, m from
// sqrt(1/2) on. atanh(z) / z by its series in z^2; what is left out is below
// 2e-11.
constexpr std::array<double, 6> kArtanhTerms = {1.0 / 11, 1.0 / 9, 1.0 / 7,
                                                1.0 / 5,  1.0 / 3, 1.0};
constexpr double kLn2 = 0x1.62e42fefa39efp-1;
constexpr uint64_t kSqrtHalfBits = 0x3fe6a09e667f3bcd;
// q's bits minus those of sqrt(1/2), with e raised by 64 to stay positive.
constexpr uint64_t kExponentRaise = uint64_t{64} << 52;
// The double 2^52 + x has the integer x in its low bits.
constexpr double kIntegerMagic = 0x1p52;

template <size_t kTerms>
double Polynomial(const std::array<double, kTerms>& terms, double x) {
  double sum = terms[0];
  for (size_t i = 1; i < kTerms; ++i) sum = std::fma(sum, x, terms[i]);
  return sum;
}

// The upper quantile of tail probability (1 - magnitude) / 2.
double TailQuantile(double magnitude) {
  const double q = std::fma(magnitude, -0.5, 0.5);
  const uint64_t raised =
      std::bit_cast<uint64_t>(q) - kSqrtHalfBits + kExponentRaise;
  const uint64_t exponent = raised >> 52;
  const double e = static_cast<double>(exponent) - 64.0;
  const double m = std::bit_cast<double>(std::bit_cast<uint64_t>(q) -
                                         (exponent << 52) + kExponentRaise);
  const double z = (m - 1.0) / (m + 1.0);
  const double artanh = z * Polynomial(kArtanhTerms, z * z);
  const double minus_two_log = std::fma(e, -2.0 * kLn2, artanh * -4.0);
  return Polynomial(kTailTerms, std::sqrt(minus_two_log) - kTailCentre);
}

uint32_t Low(uint64_t word) { return static_cast<uint32_t>(word); }
uint32_t High(uint64_t word) { return static_cast<uint32_t>(word >> 32); }

// The noise of one candidate.
struct NoiseStream {
  // The counter of a block.
  std::array<uint32_t, 4> Counter(uint64_t block) const {
    return {Low(n), High(n),
            static_cast<uint32_t>(purpose) + (High(block) << 8), Low(block)};
  }

  std::array<uint32_t, 2> key;
  uint64_t n;
  DrawPurpose purpose;
};

}  // namespace
}  // namespace merganser
#endif  // MERGANSER_GENOME_NOISE_SCALAR

HWY_BEFORE_NAMESPACE();
namespace merganser {
namespace HWY_NAMESPACE {

#if HWY_NATIVE_FMA

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;
using DoubleVector = hn::Vec<Doubles>;
using Wide = hn::ScalableTag<uint64_t>;
using WideVector = hn::Vec<Wide>;

constexpr int kRounds = 10;
// Of Philox4x32: multipliers and steps of the key.
constexpr uint64_t kMultiplier0 = 0xD2511F53;
constexpr uint64_t kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9;
constexpr uint32_t kWeyl1 = 0xBB67AE85;

// One block per lane: each word of the counter in the low half of a lane; the
// high halves hold what no product looks at.
struct Blocks {
  WideVector c0, c1, c2, c3;
};

HWY_INLINE WideVector Product(WideVector a, WideVector b) {
  const hn::Repartition<uint32_t, Wide> words;
  return hn::MulEven(hn::BitCast(words, a), hn::BitCast(words, b));
}

HWY_INLINE void Round(Blocks& b, WideVector k0, WideVector k1) {
  const Wide wide;
  const WideVector product0 = Product(b.c0, hn::Set(wide, kMultiplier0));
  const WideVector product1 = Product(b.c2, hn::Set(wide, kMultiplier1));
  b.c0 = hn::Xor(hn::ShiftRight<32>(product1), hn::Xor(b.c1, k0));
  b.c2 = hn::Xor(hn::ShiftRight<32>(product0), hn::Xor(b.c3, k1));
  b.c1 = product1;
  b.c3 = product0;
}

// The words of the blocks in their order.
HWY_INLINE void StoreWords(const Blocks& b, uint32_t* out) {
  const Wide wide;
  const hn::Repartition<uint32_t, Wide> words;
  const WideVector low = hn::Set(wide, uint64_t{0xffffffff});
  const WideVector first = hn::Or(hn::And(b.c0, low), hn::ShiftLeft<32>(b.c1));
  const WideVector second = hn::Or(hn::And(b.c2, low), hn::ShiftLeft<32>(b.c3));
  hn::StoreU(hn::BitCast(words, hn::InterleaveLower(wide, first, second)),
             words, out);
  hn::StoreU(hn::BitCast(words, hn::InterleaveUpper(wide, first, second)),
             words, out + hn::Lanes(words));
}

// Number of the block in each lane, so that StoreWords() puts them in order:
// the even lanes come out first.
HWY_INLINE WideVector BlockOrder() {
  const Wide wide;
  const WideVector lane = hn::Iota(wide, uint64_t{0});
  const WideVector odd = hn::And(lane, hn::Set(wide, uint64_t{1}));
  const auto is_odd = hn::Eq(odd, hn::Set(wide, uint64_t{1}));
  const WideVector half = hn::Set(wide, uint64_t{hn::Lanes(wide) / 2});
  return hn::Add(hn::ShiftRight<1>(lane), hn::IfThenElseZero(is_odd, half));
}

// The words of `blocks` blocks from `first` on, rounded up to whole vectors;
// `first` mod 2^32 does not wrap among those that count.
void MakeWords(const NoiseStream& stream, uint64_t first, int64_t blocks,
               uint32_t* HWY_RESTRICT out) {
  const Wide wide;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  const std::array<uint32_t, 4> counter = stream.Counter(first);
  std::array<uint64_t, kRounds> keys0;
  std::array<uint64_t, kRounds> keys1;
  for (uint32_t round = 0; round < kRounds; ++round) {
    keys0[round] = stream.key[0] + round * kWeyl0;
    keys1[round] = stream.key[1] + round * kWeyl1;
  }
  const WideVector c0 = hn::Set(wide, uint64_t{counter[0]});
  const WideVector c1 = hn::Set(wide, uint64_t{counter[1]});
  const WideVector c2 = hn::Set(wide, uint64_t{counter[2]});
  const WideVector step = hn::Set(wide, static_cast<uint64_t>(lanes));
  WideVector number =
      hn::Add(hn::Set(wide, uint64_t{counter[3]}), BlockOrder());
  // Four vectors at once hide the latency of a product.
  for (int64_t block = 0; block < blocks; block += 4 * lanes) {
    Blocks a = {c0, c1, c2, number};
    Blocks b = {c0, c1, c2, hn::Add(a.c3, step)};
    Blocks c = {c0, c1, c2, hn::Add(b.c3, step)};
    Blocks d = {c0, c1, c2, hn::Add(c.c3, step)};
    number = hn::Add(d.c3, step);
// Unrolled, so that what the first rounds make of the constant words is made
// once, before the outer loop.
#pragma GCC unroll 10
    for (int round = 0; round < kRounds; ++round) {
      const WideVector k0 = hn::Set(wide, keys0[round]);
      const WideVector k1 = hn::Set(wide, keys1[round]);
      Round(a, k0, k1);
      Round(b, k0, k1);
      Round(c, k0, k1);
      Round(d, k0, k1);
    }
    uint32_t* const to = out + 4 * block;
    StoreWords(a, to);
    StoreWords(b, to + 4 * lanes);
    StoreWords(c, to + 8 * lanes);
    StoreWords(d, to + 12 * lanes);
  }
}

template <size_t kTerms>
HWY_INLINE DoubleVector
PolynomialVector(const std::array<double, kTerms>& terms, DoubleVector x) {
  const Doubles doubles;
  DoubleVector sum = hn::Set(doubles, terms[0]);
#pragma GCC unroll 16
  for (size_t i = 1; i < kTerms; ++i) {
    sum = hn::MulAdd(sum, x, hn::Set(doubles, terms[i]));
  }
  return sum;
}

// TailQuantile() of each lane, in the same steps.
HWY_NOINLINE DoubleVector TailQuantiles(DoubleVector magnitude) {
  const Doubles doubles;
  const Wide wide;
  const DoubleVector one = hn::Set(doubles, 1.0);
  const DoubleVector half = hn::Set(doubles, 0.5);
  const DoubleVector q = hn::NegMulAdd(magnitude, half, half);
  const WideVector bits = hn::BitCast(wide, q);
  const WideVector raise = hn::Set(wide, kExponentRaise);
  const WideVector raised =
      hn::Add(hn::Sub(bits, hn::Set(wide, kSqrtHalfBits)), raise);
  const WideVector exponent = hn::ShiftRight<52>(raised);
  const DoubleVector magic = hn::Set(doubles, kIntegerMagic);
  const DoubleVector e =
      hn::Sub(hn::BitCast(doubles, hn::Or(exponent, hn::BitCast(wide, magic))),
              hn::Set(doubles, kIntegerMagic + 64.0));
  const DoubleVector m = hn::BitCast(
      doubles, hn::Add(hn::Sub(bits, hn::ShiftLeft<52>(exponent)), raise));
  const DoubleVector z = hn::Div(hn::Sub(m, one), hn::Add(m, one));
  const DoubleVector artanh =
      hn::Mul(z, PolynomialVector(kArtanhTerms, hn::Mul(z, z)));
  const DoubleVector minus_two_log =
      hn::MulAdd(e, hn::Set(doubles, -2.0 * kLn2),
                 hn::Mul(artanh, hn::Set(doubles, -4.0)));
  const DoubleVector root = hn::Sqrt(minus_two_log);
  return PolynomialVector(kTailTerms,
                          hn::Sub(root, hn::Set(doubles, kTailCentre)));
}

// StandardNormal() of as many words as there are doubles in a vector.
HWY_INLINE void NormalVector(const uint32_t* words, float* out) {
  const Doubles doubles;
  const hn::Rebind<int32_t, Doubles> integers;
  const hn::Rebind<float, Doubles> floats;
  const auto word =
      hn::LoadU(integers, reinterpret_cast<const int32_t*>(words));
  const DoubleVector t =
      hn::MulAdd(hn::PromoteTo(doubles, word), hn::Set(doubles, kScale),
                 hn::Set(doubles, kHalfStep));
  const DoubleVector y = hn::NegMulAdd(t, t, hn::Set(doubles, 1.0));
  DoubleVector x = hn::Div(hn::Mul(t, PolynomialVector(kNumerator, y)),
                           PolynomialVector(kDenominator, y));
  const auto in_tail = hn::Lt(y, hn::Set(doubles, kTail));
  if (HWY_UNLIKELY(!hn::AllFalse(doubles, in_tail))) {
    const DoubleVector tail = hn::CopySign(TailQuantiles(hn::Abs(t)), t);
    x = hn::IfThenElse(in_tail, tail, x);
  }
  hn::StoreU(hn::DemoteTo(floats, x), floats, out);
}

// `count` is rounded up to whole vectors.
void MakeNormals(const uint32_t* HWY_RESTRICT words, int64_t count,
                 float* HWY_RESTRICT out) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Doubles()));
  for (int64_t i = 0; i < count; i += lanes) NormalVector(words + i, out + i);
}

HWY_INLINE void Apply(const float* normals, float sigma, bool add,
                      int64_t count, float* values) {
  const hn::ScalableTag<float> floats;
  const auto lanes = static_cast<int64_t>(hn::Lanes(floats));
  const auto factor = hn::Set(floats, sigma);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto normal = hn::LoadU(floats, normals + i);
    const auto value =
        add ? hn::MulAdd(factor, normal, hn::LoadU(floats, values + i))
            : hn::Mul(factor, normal);
    hn::StoreU(value, floats, values + i);
  }
  for (; i < count; ++i) {
    values[i] =
        add ? std::fma(sigma, normals[i], values[i]) : sigma * normals[i];
  }
}

#else  // instruction sets of before 2013: correct, and slow

void MakeWords(const NoiseStream& stream, uint64_t first, int64_t blocks,
               uint32_t* out) {
  for (int64_t b = 0; b < blocks; ++b) {
    const auto words = Philox4x32(stream.Counter(first + b), stream.key);
    std::copy(words.begin(), words.end(), out + 4 * b);
  }
}

void MakeNormals(const uint32_t* words, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = StandardNormal(words[i]);
}

void Apply(const float* normals, float sigma, bool add, int64_t count,
           float* values) {
  for (int64_t i = 0; i < count; ++i) {
    values[i] =
        add ? std::fma(sigma, normals[i], values[i]) : sigma * normals[i];
  }
}

#endif  // HWY_NATIVE_FMA

void Noise(const NoiseStream& stream, float sigma, bool add, int64_t first,
           int64_t count, float* values) {
  // Room for the vectors that begin before the end.
  HWY_ALIGN uint32_t words[kWords + 4 * HWY_MAX_BYTES] = {};
  HWY_ALIGN float normals[kWords + HWY_MAX_BYTES];
  while (count > 0) {
    const uint64_t block = static_cast<uint64_t>(first) / 4;
    const int64_t skip = first % 4;
    const int64_t before_wrap = (int64_t{1} << 32) - Low(block);
    const int64_t blocks =
        std::min({kWords / 4, (skip + count + 3) / 4, before_wrap});
    const int64_t made = std::min(count, 4 * blocks - skip);
    MakeWords(stream, block, blocks, words);
    MakeNormals(words + skip, made, normals);
    Apply(normals, sigma, add, made, values);
    first += made;
    count -= made;
    values += made;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace merganser
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace merganser {

HWY_EXPORT(Noise);

float StandardNormal(uint32_t word) {
  const double t = std::fma(static_cast<double>(static_cast<int32_t>(word)),
                            kScale, kHalfStep);
  const double y = std::fma(-t, t, 1.0);
  if (y < kTail) {
    return static_cast<float>(std::copysign(TailQuantile(std::abs(t)), t));
  }
  return static_cast<float>(t * Polynomial(kNumerator, y) /
                            Polynomial(kDenominator, y));
}

double CoefficientNoise(const NoiseKey& key, const CoefficientPlace& place) {
  const auto n = static_cast<uint64_t>(key.sequence_number);
  const auto purpose = static_cast<uint32_t>(DrawPurpose::kCoefficientMutation);
  const auto words =
      Philox4x32({Low(n), High(n), purpose + (place.chromosome << 8),
                  (place.group << 6) + place.seed},
                 {Low(key.campaign_seed), High(key.campaign_seed)});
  return StandardNormal(words[0]);
}

void AddNoise(const NoiseKey& key, float sigma, int64_t first_element,
              std::span<float> values) {
  HWY_DYNAMIC_DISPATCH(Noise)
  ({{Low(key.campaign_seed), High(key.campaign_seed)},
    static_cast<uint64_t>(key.sequence_number),
    DrawPurpose::kMutation},
   sigma, /*add=*/true, first_element, static_cast<int64_t>(values.size()),
   values.data());
}

void FillNoise(const NoiseKey& key, float sigma, int64_t first_element,
               std::span<float> values) {
  HWY_DYNAMIC_DISPATCH(Noise)
  ({{Low(key.campaign_seed), High(key.campaign_seed)},
    static_cast<uint64_t>(key.sequence_number),
    DrawPurpose::kSeedWeights},
   sigma, /*add=*/false, first_element, static_cast<int64_t>(values.size()),
   values.data());
}

}  // namespace merganser
#endif  // HWY_ONCE
