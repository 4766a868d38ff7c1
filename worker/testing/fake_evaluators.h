// Evaluators for tests of the session: they read nothing, and do what they are
// told.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "worker/tasks/evaluator.h"

namespace merganser {

// Threads: safe.
class FakeEvaluators : public EvaluatorFactory {
 public:
  // Campaigns of this name cannot be joined.
  static constexpr char kBrokenCampaign[] = "broken";

  absl::StatusOr<std::unique_ptr<CampaignEvaluator>> Create(
      const v1::CampaignSpec& spec) override;
  v1::Device Device() const override;

  // What all evaluators answer to Probe().
  static Digest ProbeDigest() { return Sha256("fake probe"); }
  // What the candidate scores: a chunk with these bytes.
  static std::string ScoresOf(int64_t candidate);

  // Each job has so many chunks of the same scores; 1 at first.
  void UseChunks(int chunks);
  // What its last evaluation was given; empty: nothing.
  std::string WeightsOf(int64_t candidate);

  // Its evaluation fails.
  void Fail(int64_t candidate);
  // Its evaluation does not end before Release(), or before it is stopped.
  void Hold(int64_t candidate);
  void Release(int64_t candidate);
  // Blocks until the candidate's evaluation has begun.
  void AwaitStart(int64_t candidate);

 private:
  class Evaluator;

  absl::Mutex mutex_;
  int chunks_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<int64_t, std::string> weights_ ABSL_GUARDED_BY(mutex_);
  std::set<int64_t> failing_ ABSL_GUARDED_BY(mutex_);
  std::set<int64_t> held_ ABSL_GUARDED_BY(mutex_);
  std::set<int64_t> started_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace merganser
