#include "common/evolution/selection.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "absl/status/status.h"

namespace merganser {
namespace {

// The largest drawing weight of continuous values is below 2^53, so that the
// weights of kMaximumPopulation slots add up to less than 2^64.
constexpr int kWeightBits = 53;

bool AllZero(std::span<const uint64_t> weights) {
  return std::all_of(weights.begin(), weights.end(),
                     [](uint64_t weight) { return weight == 0; });
}

// 1 for each member but slot `except`.
std::vector<uint64_t> Uniform(const Archive& archive, int except) {
  std::vector<uint64_t> weights(archive.population());
  for (int i = 0; i < archive.population(); ++i) {
    weights[i] = archive.slot(i) && i != except ? 1 : 0;
  }
  return weights;
}

// `weights` has a positive entry.
int DrawSlot(std::span<const uint64_t> weights, const DrawStream& draws,
             DrawPurpose purpose) {
  const uint64_t total =
      std::accumulate(weights.begin(), weights.end(), uint64_t{0});
  uint64_t left = draws.Below(total, purpose, 0);
  int slot = 0;
  while (left >= weights[slot]) left -= weights[slot++];
  return slot;
}

}  // namespace

std::vector<uint64_t> DrawWeights(std::span<const Fitness> values) {
  double largest = 0;
  for (const Fitness& value : values) {
    largest = std::max(largest, value.value());
  }
  // Exact arithmetic: largest = m·2^exponent with m in [0.5, 1).
  int exponent = 0;
  std::frexp(largest, &exponent);
  std::vector<uint64_t> weights;
  weights.reserve(values.size());
  for (const Fitness& value : values) {
    const auto scaled = static_cast<uint64_t>(
        std::ldexp(value.value(), kWeightBits - exponent));
    const uint64_t least = value.value() > 0 ? 1 : 0;
    weights.push_back(value.units() + std::max(scaled, least));
  }
  return weights;
}

std::vector<uint64_t> ParentAWeights(const Archive& archive) {
  std::vector<uint64_t> weights = DrawWeights(archive.fitness());
  constexpr int kNone = -1;
  return AllZero(weights) ? Uniform(archive, kNone) : weights;
}

std::vector<uint64_t> ParentBWeights(const Archive& archive, int slot_a) {
  std::vector<uint64_t> weights = DrawWeights(archive.Attraction(slot_a));
  if (!AllZero(weights)) return weights;
  std::vector<Fitness> others = archive.fitness();
  others[slot_a] = Fitness();
  weights = DrawWeights(others);
  if (!AllZero(weights)) return weights;
  weights = Uniform(archive, slot_a);
  if (AllZero(weights)) weights[slot_a] = 1;
  return weights;
}

absl::StatusOr<Parents> DrawParents(const Archive& archive,
                                    const SelectionOptions& options,
                                    const DrawStream& draws) {
  const std::vector<uint64_t> weights_a = ParentAWeights(archive);
  if (AllZero(weights_a)) {
    return absl::FailedPreconditionError(
        "the archive is empty: no parents to draw from");
  }
  Parents parents;
  parents.slot_a = DrawSlot(weights_a, draws, DrawPurpose::kParentA);
  parents.slot_b = DrawSlot(
      options.attraction ? ParentBWeights(archive, parents.slot_a) : weights_a,
      draws, DrawPurpose::kParentB);
  return parents;
}

}  // namespace merganser
