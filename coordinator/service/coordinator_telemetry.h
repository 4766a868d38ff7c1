// The coordinator's metrics and probes.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/storage/blob_store.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/telemetry_server.h"
#include "coordinator/dispatch/core.h"
#include "coordinator/dispatch/core_metrics.h"
#include "coordinator/service/gate.h"
#include "coordinator/store/store_watch.h"

namespace merganser {

// Serves what docs/metrics.md says of the coordinator. Values of campaigns and
// workers are read on the core's loop while there is one.
// Threads: safe.
class CoordinatorTelemetry {
 public:
  struct Options {
    std::string address;  // see HttpAddressError
    std::string version;
    std::string data;  // the directory of --data
    // How long the loop may take before its values are left out.
    absl::Duration patience = absl::Seconds(2);
  };

  // Borrows blobs and store.
  // Errors: those of TelemetryServer::Start.
  static absl::StatusOr<std::unique_ptr<CoordinatorTelemetry>> Start(
      Options options, BlobStore& blobs, StoreWatch::Options store);

  MetricRegistry& registry() { return registry_; }
  int port() const { return server_->port(); }
  const std::string& address() const { return server_->address(); }

  // As those of Gate.
  void Open(Core* core) { gate_.Open(core); }
  void Close(const std::string& reason) { gate_.Close(reason); }

 private:
  CoordinatorTelemetry(Options options, BlobStore& blobs,
                       StoreWatch::Options store);

  void Sample(MetricSamples& samples);
  void SampleStore(MetricSamples& samples) const;
  void SampleDisk(MetricSamples& samples) const;
  absl::StatusOr<std::string> Readiness();

  const Options options_;
  BlobStore& blobs_;
  StoreWatch watch_;
  Gate gate_;
  // The loop's; shared with what it has not run yet.
  const std::shared_ptr<CoreSampler> sampler_ = std::make_shared<CoreSampler>();
  MetricRegistry registry_;
  std::unique_ptr<TelemetryServer> server_;
};

}  // namespace merganser
