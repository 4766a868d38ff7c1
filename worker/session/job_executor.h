// Does what a job asks for.
#pragma once

#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "merganser/v1/worker_service.pb.h"
#include "worker/session/running_job.h"
#include "worker/weights/candidate_weights.h"

namespace merganser {

// What came of a job.
struct ExecutedJob {
  v1::JobResult result;
  // To be stored before the result is reported, and named in it.
  std::optional<MadeWeights> weights;
};

// Makes a candidate's weights where the campaign keeps them, evaluates its
// chunks, and parks a child that its archive rejects.
// Threads: one call at a time per campaign.
class JobExecutor {
 public:
  // Whether to park a child after this chunk although its archive does not
  // reject it.
  using ParkAnyway =
      std::function<bool(const v1::Job&, const v1::ChunkScores&)>;

  // `clock` is borrowed. `park_anyway` may be empty.
  JobExecutor(const Clock& clock, ParkAnyway park_anyway)
      : clock_(clock), park_anyway_(std::move(park_anyway)) {}

  // The result is without `weights`, which go with it once they are stored:
  // those that were made here, unless the archive rejects the child. A child of
  // which all chunks were evaluated is never parked; where it is rejected, the
  // result names its weights, which nobody is likely to need.
  // Errors: a MissingBlob() status when weights that it needs are nowhere; what
  // the evaluator says, and Cancelled once running.stop is set; ones that
  // `running.hand_back` is set for.
  absl::StatusOr<ExecutedJob> Execute(RunningJob& running) const;

 private:
  absl::StatusOr<ExecutedJob> ExecuteWithWeights(RunningJob& running) const;
  // Adds the job's chunks to the result, up to where it is parked. Returns
  // whether the archive rejects the child.
  absl::StatusOr<bool> Evaluate(RunningJob& running,
                                std::span<const uint8_t> weights,
                                v1::JobResult& result) const;

  const Clock& clock_;
  const ParkAnyway park_anyway_;
};

}  // namespace merganser
