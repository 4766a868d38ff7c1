// What a worker counts; docs/metrics.md says what it means.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/telemetry/metrics.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

enum class JobOutcome { kDone, kParked, kFailed, kHandedBack, kStopped };

// Handles, cheap to copy; default-made ones count nothing.
// Threads: safe.
struct WorkerMetrics {
  static WorkerMetrics Create(MetricRegistry& registry);

  void CountJob(v1::JobKind kind, JobOutcome outcome) const;
  void CountDatapoints(v1::JobKind kind, int64_t datapoints) const;

  // Phases of a job, seconds.
  Histogram wait;
  Histogram fetch;
  Histogram merge;
  Histogram evaluate;
  Histogram report;

  Counter merged_bytes;
  Counter received_bytes;
  Counter sent_bytes;
  Counter cache_hits;
  Counter cache_misses;
  Counter tokens_read;
  Counter tokens_written;

 private:
  static constexpr size_t kKinds = v1::JobKind_ARRAYSIZE;
  static constexpr size_t kOutcomes = 5;

  std::array<std::array<Counter, kOutcomes>, kKinds> jobs_;
  std::array<Counter, kKinds> datapoints_;
};

// Times one phase, to the end of its life.
class PhaseTimer {
 public:
  explicit PhaseTimer(const Histogram& phase)
      : phase_(phase), start_(absl::Now()) {}
  ~PhaseTimer() { phase_.Observe(absl::Now() - start_); }
  PhaseTimer(const PhaseTimer&) = delete;
  PhaseTimer& operator=(const PhaseTimer&) = delete;

 private:
  const Histogram& phase_;
  const absl::Time start_;
};

}  // namespace merganser
