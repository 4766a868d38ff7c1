// A candidate's scores: one integer per datapoint, so that sums are exact.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace merganser {

// What the integers of a score vector stand for.
enum class ScoreKind {
  kBinary,      // 0 = wrong, 1 = right
  kContinuous,  // k = 0 … kScoreUnit stands for k / kScoreUnit
};

inline constexpr uint32_t kScoreUnit = 1u << 20;

// The integer that stands for the score 1: 1 or kScoreUnit.
uint32_t FullScore(ScoreKind kind);

// Errors: InvalidArgument unless there are `datapoints` scores, each at most
// FullScore(kind).
absl::Status ValidateScores(ScoreKind kind, int64_t datapoints,
                            std::span<const uint32_t> scores);

// The bytes in which scores travel and are stored. Binary: one bit each,
// datapoint 0 in the highest bit of the first byte, the last byte filled up
// with zeros. Continuous: 4 bytes each, little-endian. The scores are valid.
std::string PackScores(ScoreKind kind, std::span<const uint32_t> scores);

// Length of PackScores() for `datapoints` scores, in bytes.
int64_t PackedScoresSize(ScoreKind kind, int64_t datapoints);

// The inverse of PackScores.
// Errors: InvalidArgument on a wrong length, a padding bit that is not zero,
// or a score above kScoreUnit.
absl::StatusOr<std::vector<uint32_t>> UnpackScores(ScoreKind kind,
                                                   int64_t datapoints,
                                                   std::string_view bytes);
// The same into a buffer, for who unpacks often; it is of no use on an error.
absl::Status UnpackScoresInto(ScoreKind kind, int64_t datapoints,
                              std::string_view bytes,
                              std::vector<uint32_t>& scores);

}  // namespace merganser
