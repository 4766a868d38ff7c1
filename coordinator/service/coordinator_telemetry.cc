#include "coordinator/service/coordinator_telemetry.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

// What the loop fills in and a scrape waits for, or gives up.
struct PendingSamples {
  MetricSamples samples;
  absl::Notification there;
};

}  // namespace

CoordinatorTelemetry::CoordinatorTelemetry(Options options, BlobStore& blobs,
                                           StoreWatch::Options store)
    : options_(std::move(options)),
      blobs_(blobs),
      watch_(Clock::Monotonic(), std::move(store)) {}

absl::StatusOr<std::unique_ptr<CoordinatorTelemetry>>
CoordinatorTelemetry::Start(Options options, BlobStore& blobs,
                            StoreWatch::Options store) {
  std::unique_ptr<CoordinatorTelemetry> telemetry(
      new CoordinatorTelemetry(std::move(options), blobs, std::move(store)));
  CoordinatorTelemetry* self = telemetry.get();
  self->registry_.AddSampler(
      [self](MetricSamples& samples) { self->Sample(samples); });
  ASSIGN_OR_RETURN(
      self->server_,
      TelemetryServer::Start(self->options_.address, "merganser-coordinator",
                             self->options_.version, self->registry_,
                             [self] { return self->Readiness(); }));
  return telemetry;
}

void CoordinatorTelemetry::Sample(MetricSamples& samples) {
  SampleStore(samples);
  SampleDisk(samples);
  samples.AddGauge({"merganser_coordinator_active",
                    "1 on the coordinator that owns Redis, 0 on a standby."},
                   gate_.Admit().ok() ? 1 : 0);
  const auto pending = std::make_shared<PendingSamples>();
  const absl::Status posted =
      gate_.Post([pending, sampler = sampler_](Core& core) {
        pending->samples = sampler->Sample(core);
        pending->there.Notify();
      });
  const bool sampled =
      posted.ok() &&
      pending->there.WaitForNotificationWithTimeout(options_.patience);
  if (sampled) samples.Add(std::move(pending->samples));
  samples.AddGauge({"merganser_sample_success",
                    "1 if values of campaigns and workers are in this answer."},
                   sampled ? 1 : 0);
}

void CoordinatorTelemetry::SampleStore(MetricSamples& samples) const {
  const StoreWatch::Health health = watch_.health();
  samples.AddGauge({"merganser_redis_up", "1 if Redis answered the last PING."},
                   health.reachable.ok() ? 1 : 0);
  samples.AddGauge({"merganser_redis_ping_seconds", "Time of the last PING."},
                   absl::ToDoubleSeconds(health.ping_time));
  samples.AddGauge({"merganser_redis_persistent",
                    "1 if Redis keeps what is written through a crash."},
                   health.persistent ? 1 : 0);
}

void CoordinatorTelemetry::SampleDisk(MetricSamples& samples) const {
  std::error_code error;
  const auto space = std::filesystem::space(options_.data, error);
  if (!error) {
    samples.AddGauge({"merganser_data_free_bytes",
                      "Free space of the file system of --data."},
                     static_cast<double>(space.available));
    samples.AddGauge(
        {"merganser_data_size_bytes", "Size of the file system of --data."},
        static_cast<double>(space.capacity));
  }
  samples.AddGauge({"merganser_blob_store_bytes", "Weights kept below --data."},
                   static_cast<double>(blobs_.total_bytes()));
  samples.AddGauge({"merganser_blob_store_limit_bytes", "--blob-gib."},
                   static_cast<double>(blobs_.max_bytes()));
}

absl::StatusOr<std::string> CoordinatorTelemetry::Readiness() {
  const absl::Status redis = watch_.health().reachable;
  if (!redis.ok()) {
    return absl::UnavailableError(
        absl::StrCat("Redis does not answer: ", redis.message()));
  }
  RETURN_IF_ERROR(gate_.Admit());
  return "active";
}

}  // namespace merganser
