#include "worker/program/worker_telemetry.h"

#include <optional>
#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "spdlog/spdlog.h"

namespace merganser {
namespace {

void SampleSession(WorkerSession& session, MetricSamples& samples) {
  const WorkerSession::Status status = session.status();
  samples.AddGauge({"merganser_worker_registered",
                    "1 while it has a session and the coordinator answers."},
                   status.registered ? 1 : 0);
  const std::pair<const char*, size_t> states[] = {
      {"queued", status.jobs.queued},
      {"executing", status.jobs.executing},
      {"uploading", status.jobs.uploading},
      {"unacknowledged", status.jobs.unacknowledged}};
  for (const auto& [state, jobs] : states) {
    samples.AddGauge({"merganser_worker_jobs_held", "Jobs that it holds."},
                     static_cast<double>(jobs), {{"state", state}});
  }
}

void SampleDevice(const EvaluatorFactory& evaluators, MetricSamples& samples) {
  const std::optional<DeviceMemory> memory = evaluators.Memory();
  if (!memory.has_value()) return;
  samples.AddGauge(
      {"merganser_worker_device_memory_bytes", "Memory of the device."},
      static_cast<double>(memory->total));
  samples.AddGauge({"merganser_worker_device_memory_used_bytes",
                    "Memory of the device that is taken by all processes."},
                   static_cast<double>(memory->used));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TelemetryServer>> ServeWorkerTelemetry(
    const WorkerOptions& options, MetricRegistry& registry,
    WorkerSession& session, const CoordinatorBlobs& blobs,
    const EvaluatorFactory& evaluators) {
  if (options.metrics.empty()) return nullptr;
  registry.AddSampler([&, device = evaluators.Device(),
                       capacity = options.job_capacity,
                       cache = options.blob_cache_mib
                               << 20](MetricSamples& samples) {
    SampleSession(session, samples);
    SampleDevice(evaluators, samples);
    samples.AddGauge(
        {"merganser_worker_info", "1; the labels say what it is."}, 1,
        {{"device", device.name()}, {"device_class", device.device_class()}});
    samples.AddGauge({"merganser_worker_job_capacity", "--job-capacity."},
                     capacity);
    samples.AddGauge(
        {"merganser_worker_cache_bytes", "Weights kept in memory."},
        static_cast<double>(blobs.cached_bytes()));
    samples.AddGauge(
        {"merganser_worker_cache_limit_bytes", "--blob-cache-mib."},
        static_cast<double>(cache));
  });
  auto server = TelemetryServer::Start(
      options.metrics, "merganser-worker", MERGANSER_VERSION, registry,
      [&session]() -> absl::StatusOr<std::string> {
        if (session.status().registered) return "registered";
        return absl::UnavailableError(
            "not registered: the coordinator does not answer, or has not yet");
      });
  if (!server.ok()) return Annotate(server.status(), "--metrics");
  spdlog::info("metrics on http://{}/metrics", (*server)->address());
  return server;
}

}  // namespace merganser
