// From a candidate that is kept as weights back to the random seeds, and forth
// again: its weights can be made from nothing but its ancestors' draws.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "client/results/weights_maker.h"
#include "common/base/digest.h"
#include "common/genome/parameter_layout.h"
#include "common/schedule/ordered_schedule.h"
#include "merganser/v1/genome.pb.h"

namespace merganser {

// A child that entered the archive.
struct Ancestor {
  Proposal proposal;  // with its coefficients
  Digest weights;     // SHA-256 of its parameter vector
};

// By sequence number.
using Ancestors = std::map<int64_t, Ancestor>;

// The children of these entries of a log, which hold weights and coefficients.
// Errors: InvalidArgument naming the candidate and the field that does not fit
// the layout.
absl::StatusOr<Ancestors> AncestorsInLog(std::span<const v1::LogEntry> entries,
                                         const GenomeLayout& layout);

// A candidate's ancestors out of `accepted`, ascending, so that parents come
// before their children and the candidate is last. Seeds are left out: empty
// for a seed.
// Errors: DataLoss when one of them is not there, or is older than its parent.
absl::StatusOr<std::vector<Ancestor>> AncestorsOf(int64_t candidate,
                                                  const Ancestors& accepted);

// Makes a candidate from the random seeds. `ancestors` are its AncestorsOf().
// Memory: the vectors that are still needed, and one; none outlives its last
// use.
// Errors: DataLoss when an ancestor comes out with other weights or
// coefficients than it is said to have; InvalidArgument when a draw does not
// fit the layout.
absl::StatusOr<RemadeWeights> RemakeCandidate(
    int64_t candidate, std::span<const Ancestor> ancestors,
    WeightsMaker& maker);

}  // namespace merganser
