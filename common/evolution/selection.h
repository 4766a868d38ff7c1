// Who breeds: parent A by fitness, parent B by attraction to A.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/random.h"
#include "common/evolution/archive.h"
#include "common/evolution/fitness.h"

namespace merganser {

struct SelectionOptions {
  // False: the paper's ablation, B is drawn as A is and may be A itself.
  bool attraction = true;
};

struct Parents {
  int slot_a = 0;
  int slot_b = 0;

  friend bool operator==(const Parents&, const Parents&) = default;
};

// The integers in whose proportion slots are drawn: of exact values the values
// themselves; of doubles v the integer part of v·2^(52-e), at least 1 for a v
// above 0, where 2^e <= the largest value < 2^(e+1). Their sum fits 64 bits.
std::vector<uint64_t> DrawWeights(std::span<const Fitness> values);

// Integer weights of the slots as parent A: fitness; if all of it is 0, 1 for
// each member. All 0 only if the archive is empty.
std::vector<uint64_t> ParentAWeights(const Archive& archive);

// Integer weights of the slots as parent B beside A = slot_a, a member:
// attraction; if all of it is 0, fitness without A; if that is 0 too, 1 for
// each other member; if there is none, 1 for A.
std::vector<uint64_t> ParentBWeights(const Archive& archive, int slot_a);

// Draws the parents of one proposal: a slot is the first at which the running
// sum of the weights exceeds DrawStream::Below(sum of weights, kParentA or
// kParentB, 0).
// Errors: FailedPrecondition when the archive is empty.
// Source: arXiv 2508.16204, section 3.3; fallbacks as in DESIGN.md 3.1.
absl::StatusOr<Parents> DrawParents(const Archive& archive,
                                    const SelectionOptions& options,
                                    const DrawStream& draws);

}  // namespace merganser
