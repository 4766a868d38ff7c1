#include "worker/telemetry/worker_metrics.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"

namespace merganser {
namespace {

constexpr const char* kOutcomeNames[] = {"done", "parked", "failed",
                                         "handed_back", "stopped"};

// "search", "make_blob": as the coordinator's metrics have it.
std::string KindName(v1::JobKind kind) {
  return absl::AsciiStrToLower(
      absl::StripPrefix(v1::JobKind_Name(kind), "JOB_KIND_"));
}

Histogram Phase(MetricRegistry& registry, const char* name) {
  return registry.AddHistogram({"merganser_worker_phase_duration_seconds",
                                "Times of one job, by phase."},
                               DurationBuckets(), {{"phase", name}});
}

Counter Streamed(MetricRegistry& registry, const char* direction) {
  return registry.AddCounter({"merganser_worker_streamed_bytes_total",
                              "Weights moved from and to the coordinator."},
                             {{"direction", direction}});
}

Counter CacheRequests(MetricRegistry& registry, const char* outcome) {
  return registry.AddCounter({"merganser_worker_cache_requests_total",
                              "Look-ups of weights in memory."},
                             {{"outcome", outcome}});
}

Counter Tokens(MetricRegistry& registry, const char* direction) {
  return registry.AddCounter(
      {"merganser_worker_tokens_total", "Tokens of language models."},
      {{"direction", direction}});
}

}  // namespace

WorkerMetrics WorkerMetrics::Create(MetricRegistry& registry) {
  WorkerMetrics metrics;
  metrics.wait = Phase(registry, "wait");
  metrics.fetch = Phase(registry, "fetch");
  metrics.merge = Phase(registry, "merge");
  metrics.evaluate = Phase(registry, "evaluate");
  metrics.report = Phase(registry, "report");
  metrics.merged_bytes = registry.AddCounter(
      {"merganser_worker_merged_bytes_total", "Bytes of candidates made."});
  metrics.received_bytes = Streamed(registry, "received");
  metrics.sent_bytes = Streamed(registry, "sent");
  metrics.cache_hits = CacheRequests(registry, "hit");
  metrics.cache_misses = CacheRequests(registry, "miss");
  metrics.tokens_read = Tokens(registry, "read");
  metrics.tokens_written = Tokens(registry, "written");
  for (int number = 1; number < v1::JobKind_ARRAYSIZE; ++number) {
    if (!v1::JobKind_IsValid(number)) continue;
    const std::string kind = KindName(static_cast<v1::JobKind>(number));
    const auto k = static_cast<size_t>(number);
    metrics.datapoints_[k] = registry.AddCounter(
        {"merganser_worker_datapoints_total", "Datapoints evaluated."},
        {{"kind", kind}});
    for (size_t o = 0; o < kOutcomes; ++o) {
      metrics.jobs_[k][o] = registry.AddCounter(
          {"merganser_worker_jobs_total", "Jobs that ended here."},
          {{"kind", kind}, {"outcome", kOutcomeNames[o]}});
    }
  }
  return metrics;
}

void WorkerMetrics::CountJob(v1::JobKind kind, JobOutcome outcome) const {
  if (!v1::JobKind_IsValid(kind)) return;
  jobs_[static_cast<size_t>(kind)][static_cast<size_t>(outcome)].Add();
}

void WorkerMetrics::CountDatapoints(v1::JobKind kind,
                                    int64_t datapoints) const {
  if (!v1::JobKind_IsValid(kind)) return;
  datapoints_[static_cast<size_t>(kind)].Add(static_cast<double>(datapoints));
}

}  // namespace merganser
