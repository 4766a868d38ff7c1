// What the session needs of a device: scores for jobs. Knows no libtorch, so
// that the session can be tested, and served by other evaluators, without it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "merganser/v1/campaign.pb.h"
#include "merganser/v1/worker_service.pb.h"
#include "worker/tasks/chunk_plan.h"
#include "worker/telemetry/worker_metrics.h"

namespace merganser {

// Takes the scores of one chunk; false: no more are wanted.
using TakeChunk = absl::FunctionRef<bool(v1::ChunkScores)>;

// One campaign on one worker: its seeds, its data and its model.
// Threads: one call at a time.
class CampaignEvaluator {
 public:
  virtual ~CampaignEvaluator() = default;

  // Tells workers apart whose scores might differ: the digest of the logits of
  // seed -K on its first chunk (task 0's search datapoints in file order).
  // Random seeds are made for it.
  virtual absl::StatusOr<Digest> Probe() = 0;

  // GramSums::Serialise() of the campaign's seeds. Not for random seeds.
  virtual absl::StatusOr<std::string> Gram() = 0;

  // Passes on the scores of the job's chunks, each as soon as it has them, in
  // the job's order; of all chunks of all tasks when it names none. HOLDOUT
  // jobs are about the tasks' holdout datapoints in file order. `order` is that
  // of the job's layout_version; null for file order. `take` says whether more
  // chunks are wanted. `weights` is the candidate's parameter vector in the
  // campaign's weights_dtype; empty: it is made by the job's recipe.
  // Returns whether all of the job's chunks were passed on, so that nothing is
  // left of it even if `take` wanted no more.
  // Errors: InvalidArgument for weights, a recipe or a chunk that does not fit
  // the campaign; Cancelled once `stop` is set; what the device says otherwise.
  virtual absl::StatusOr<bool> Evaluate(const v1::Job& job,
                                        std::span<const uint8_t> weights,
                                        const ChunkOrder* order,
                                        const std::atomic<bool>& stop,
                                        TakeChunk take) = 0;
};

// Memory of a device, bytes.
struct DeviceMemory {
  int64_t total = 0;
  int64_t used = 0;  // by all processes
};

// Threads: safe.
class EvaluatorFactory {
 public:
  virtual ~EvaluatorFactory() = default;

  // Reads and checks everything that the campaign names; may take long.
  // Errors name the field and the file.
  virtual absl::StatusOr<std::unique_ptr<CampaignEvaluator>> Create(
      const v1::CampaignSpec& spec) = 0;

  // What the worker registers as.
  virtual v1::Device Device() const = 0;

  // As it is now; empty where it is not known.
  virtual std::optional<DeviceMemory> Memory() const { return std::nullopt; }
  // Evaluators that are created later count with these. Called before the
  // first Create(), if at all.
  virtual void CountWith(const WorkerMetrics& /*metrics*/) {}
};

}  // namespace merganser
