#include "benchmarks/simulated_scores.h"

namespace merganser {
namespace {

constexpr uint64_t kDraws = uint64_t{1} << 32;

// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
// OOPSLA 2014.
uint64_t Next(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

bool Solves(int niche, uint32_t datapoint) {
  return datapoint % 2 == 0 ||
         datapoint / 2 % SimulatedScores::kNiches == uint32_t(niche);
}

}  // namespace

SimulatedScores::Patterns SimulatedScores::Pack(
    std::span<const uint32_t> order) {
  Patterns patterns;
  for (int niche = 0; niche < kNiches; ++niche) {
    std::string& bits = patterns[niche];
    bits.assign((order.size() + 7) / 8, '\0');
    for (size_t i = 0; i < order.size(); ++i) {
      if (!Solves(niche, order[i])) continue;
      bits[i / 8] = static_cast<char>(bits[i / 8] | (0x80 >> (i % 8)));
    }
  }
  return patterns;
}

SimulatedScores::SimulatedScores(double good_share)
    : good_below_(
          static_cast<uint64_t>(good_share * static_cast<double>(kDraws))) {}

std::string SimulatedScores::Score(uint64_t campaign, int64_t candidate,
                                   const Patterns& patterns) const {
  uint64_t state = campaign * 0xd1342543de82ef95u + uint64_t(candidate);
  const uint64_t draw = Next(state);
  std::string scores = patterns[draw % kNiches];
  // Seeds are good ones.
  if (candidate < 0 || (draw >> 32) < good_below_) return scores;
  for (size_t i = 0; i < scores.size(); i += 8) {
    uint64_t kept = Next(state) | Next(state);
    for (size_t j = i; j < scores.size() && j < i + 8; ++j, kept >>= 8) {
      scores[j] = static_cast<char>(scores[j] & char(kept & 0xff));
    }
  }
  return scores;
}

}  // namespace merganser
