// The settings of an archive, fixed for a campaign's life.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "common/evolution/scores.h"

namespace merganser {

inline constexpr int kMaximumPopulation = 1024;
inline constexpr int64_t kMaximumDatapoints = int64_t{1} << 23;
inline constexpr double kMaximumAlpha = 16;
inline constexpr uint32_t kMaximumTaskWeight = 1000;

struct ArchiveOptions {
  // P: number of slots, 1 … kMaximumPopulation.
  int population = 20;
  // N: number of search datapoints of all tasks together,
  // 1 … kMaximumDatapoints.
  int64_t datapoints = 0;
  ScoreKind kind = ScoreKind::kBinary;
  // Competition: exponent of the niche load, 0 … kMaximumAlpha.
  double alpha = 1;
  // Per datapoint, the weight of its task: 1 … kMaximumTaskWeight.
  std::vector<uint32_t> task_weight;
  // Subtracts the worst score per datapoint before anything else (continuous
  // scores only). While a slot is empty the worst score is 0.
  bool subtract_worst = false;
};

// Errors: InvalidArgument, naming the first setting that is out of range.
absl::Status ValidateArchiveOptions(const ArchiveOptions& options);

}  // namespace merganser
