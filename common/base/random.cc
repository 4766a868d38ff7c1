#include "common/base/random.h"

namespace merganser {
namespace {

constexpr uint32_t kMultiplier0 = 0xD2511F53;
constexpr uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9;
constexpr uint32_t kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

__extension__ using Uint128 = unsigned __int128;

uint32_t Low(uint64_t word) { return static_cast<uint32_t>(word); }
uint32_t High(uint64_t word) { return static_cast<uint32_t>(word >> 32); }

}  // namespace

std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter,
                                   std::array<uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = uint64_t{kMultiplier0} * counter[0];
    const uint64_t product1 = uint64_t{kMultiplier1} * counter[2];
    counter = {High(product1) ^ counter[1] ^ key[0], Low(product1),
               High(product0) ^ counter[3] ^ key[1], Low(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

std::array<uint32_t, 4> DrawStream::Block(DrawPurpose purpose,
                                          uint32_t i) const {
  const auto n = static_cast<uint64_t>(sequence_number_);
  return Philox4x32({Low(n), High(n), static_cast<uint32_t>(purpose), i},
                    {Low(campaign_seed_), High(campaign_seed_)});
}

uint64_t DrawStream::Below(uint64_t bound, DrawPurpose purpose,
                           uint32_t i) const {
  const auto block = Block(purpose, i);
  const uint64_t low = (uint64_t{block[1]} << 32) | block[0];
  const uint64_t high = (uint64_t{block[3]} << 32) | block[2];
  // floor(x * bound / 2^128) for the 128-bit x = high:low.
  const Uint128 carry = (Uint128{low} * bound) >> 64;
  return static_cast<uint64_t>((Uint128{high} * bound + carry) >> 64);
}

double DrawStream::Unit(DrawPurpose purpose, uint32_t i) const {
  const auto block = Block(purpose, i);
  const uint64_t word = (uint64_t{block[1]} << 32) | block[0];
  return static_cast<double>(word >> 11) * 0x1.0p-53;
}

}  // namespace merganser
