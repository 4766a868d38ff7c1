// A stand-in for evaluation whose scores give away every mistake: a
// datapoint's score is a hash of the genome and of the company that the
// datapoint is evaluated in.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "worker/tasks/evaluator.h"
#include "worker/weights/path_rules.h"

namespace merganser {

struct HashEvaluatorOptions {
  PathRules paths{""};
  int threads = 1;
  // Each job of a child takes at least this long.
  absl::Duration delay = absl::ZeroDuration();
  // The child whose evaluation fails, and the one that ends the process.
  std::optional<int64_t> fail_candidate;
  std::optional<int64_t> crash_candidate;
};

// Scores of a chunk: datapoint i, counted within the chunk, scores if byte
// i mod 32 of SHA-256(genome digest, chunk members in order with padding,
// i / 32) is below 64 + q/2, where q is byte 2 of SHA-256(genome digest). So a
// quarter to three quarters of the datapoints score, and many a child is
// hopeless early. Seeds and datasets are read, and checked, as by a real
// worker; Gram sums are real.
std::unique_ptr<EvaluatorFactory> CreateHashEvaluators(
    const HashEvaluatorOptions& options);

// Whether to park the job after this chunk, whatever the archive says: so it
// happens to about `percent` of the children, once each, at any of their
// chunks.
bool ParksForNothing(const v1::Job& job, const v1::ChunkScores& chunk,
                     int percent);

}  // namespace merganser
