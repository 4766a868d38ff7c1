// One candidate as a campaign's record has it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/results/campaign_record.h"
#include "common/genome/linear_recipe.h"

namespace merganser {

struct RecordedCandidate {
  int64_t number = 0;
  LinearRecipe recipe;
  // The search datapoints of each task, counted from 0 in it, in the order in
  // which the campaign cut them into chunks.
  std::vector<std::vector<uint32_t>> orders;
  // Per task and search datapoint in file order: k = 0 … 2^20, unless it was
  // never evaluated, since the child was rejected before.
  std::vector<std::vector<std::optional<uint32_t>>> scores;
  // Whether the replay agreed with the record as far as it went.
  bool replays = true;
};

// Finds a seed or any child whose result was applied, accepted or not, by a
// replay of the record up to it. Unset: the best member.
// `progress`, which may be empty, is told of results replayed.
// Errors: NotFound when the record has no such candidate, or one that was given
// up; FailedPrecondition where candidates are kept as weights, or there is no
// best member yet; what Replay() says; Cancelled when `interrupted`.
absl::StatusOr<RecordedCandidate> FindCandidate(
    RecordReader& record, std::optional<int64_t> number,
    const std::function<bool()>& interrupted);

}  // namespace merganser
