// The campaign's random numbers: a pure function of a key and a counter, so
// that any draw can be made again, in any order, on any machine.
#pragma once

#include <array>
#include <cstdint>

namespace merganser {

// One block of Philox4x32-10.
// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC
// 2011.
std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter,
                                   std::array<uint32_t, 2> key);

// What a draw is for: the second word of its counter. The numbers are part of
// the format of a campaign; never change or reuse one.
enum class DrawPurpose : uint32_t {
  kParentA = 1,
  kParentB = 2,
  kSplitPoint = 3,
  kMix = 4,
  kMutation = 5,             // common/genome/noise.h
  kSeedWeights = 6,          // common/genome/noise.h
  kCoefficientMutation = 7,  // common/genome/noise.h
};

// The draws of one proposal. Key = the campaign's random seed; counter =
// (n, purpose, i), n being the proposal's sequence number.
// Threads: immutable after construction; safe to share.
class DrawStream {
 public:
  DrawStream(uint64_t campaign_seed, int64_t sequence_number)
      : campaign_seed_(campaign_seed), sequence_number_(sequence_number) {}

  // Uniform on 0 … bound-1; bound at least 1. The bias is below 2^-64.
  uint64_t Below(uint64_t bound, DrawPurpose purpose, uint32_t i) const;

  // Uniform on [0, 1): one of the 2^53 multiples of 2^-53.
  double Unit(DrawPurpose purpose, uint32_t i) const;

 private:
  std::array<uint32_t, 4> Block(DrawPurpose purpose, uint32_t i) const;

  uint64_t campaign_seed_;
  int64_t sequence_number_;
};

}  // namespace merganser
