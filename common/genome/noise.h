// Gaussian noise on weights: a pure function of the campaign's random seed, the
// candidate and the element, so that any worker can make lost weights again.
#pragma once

#include <cstdint>
#include <span>

namespace merganser {

struct NoiseKey {
  uint64_t campaign_seed = 0;
  // Of the candidate whose weights it is: seeds are -K … -1.
  int64_t sequence_number = 0;
};

// The standard normal quantile of 1/2 + (s + 1/2) / 2^32, s being the word as a
// signed number, nearly rounded to nearest: off the true quantile by less than
// 0.8 units in the last place, so that the result is one of the two floats
// around it. Never decreases as s grows; StandardNormal(~word) is
// -StandardNormal(word). From -6.338 to 6.338, never zero; the steps are
// 5.8e-10 in the middle, and grow to 0.17 at the ends.
//
// How: with t = (s + 1/2) / 2^31, a rational function of 1 - t^2 times t
// (relative error 1.7e-8), and a polynomial in the square root of the tail's
// logarithm (1e-9) for the 0.8 % of words with 1 - t^2 < 2^-6. All in double by
// +, -, *, /, sqrt and fma, each rounded as IEEE 754 says, then rounded once to
// float: the bits are the same on every CPU.
// Source: the two functions were fitted to the quantile for this purpose, by
// least squares reweighted towards the smallest greatest error.
float StandardNormal(uint32_t word);

// Element e of a candidate's noise is StandardNormal of word e mod 4 of a
// Philox4x32-10 block (common/base/random.h) with the campaign's seed as key
// and counter (n low, n high, purpose + 256 * (b >> 32), b mod 2^32), where
// b = e / 4 and n is the sequence number. Elements are below 2^58.
//
// In a sample of N elements these are held to (five standard errors of a true
// normal sample): mean 0 within 5 / sqrt(N), variance 1 within 5 sqrt(2 / N),
// skewness 0 within 5 sqrt(6 / N), kurtosis 3 within 5 sqrt(24 / N), the share
// p of elements beyond 2, 3, 4 and 5 within 5 sqrt(p (1 - p) / N), correlation
// of neighbours and of two candidates within 5 / sqrt(N); the greatest distance
// from the normal distribution function is below 2 / sqrt(N), which a true
// sample exceeds once in 1,500 times.

// Where a coefficient of a recipe lies.
struct CoefficientPlace {
  uint32_t chromosome = 0;  // below 2^24
  uint32_t group = 0;       // layer group in the chromosome; below 2^26
  uint32_t seed = 0;        // 0 … 63
};

// The noise on a coefficient, with standard deviation 1: StandardNormal() of
// the first word of the Philox4x32-10 block with the campaign's seed as key and
// counter (n low, n high, purpose + 256 * chromosome, 64 * group + seed).
double CoefficientNoise(const NoiseKey& key, const CoefficientPlace& place);

// values[i] = fma(sigma, noise(first_element + i), values[i]) in float32.
// Threads: safe; any split into ranges gives the same bits.
void AddNoise(const NoiseKey& key, float sigma, int64_t first_element,
              std::span<float> values);

// values[i] = sigma * noise(first_element + i): initial weights. The noise is
// another than that of AddNoise.
// Threads: as AddNoise().
void FillNoise(const NoiseKey& key, float sigma, int64_t first_element,
               std::span<float> values);

}  // namespace merganser
