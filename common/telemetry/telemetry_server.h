// /metrics, /healthz and /readyz of a process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/telemetry/http_server.h"
#include "common/telemetry/metrics.h"

namespace merganser {

// /healthz is answered with 200 by a process that runs; /readyz with 200 and
// the readiness' text, or 503 and its error's.
// Threads: safe.
class TelemetryServer {
 public:
  // In a few words for a person, such as "active". Must not block.
  using Readiness = std::function<absl::StatusOr<std::string>()>;

  // Adds merganser_build_info, the process' own metrics and the server's.
  // Borrows the registry.
  // Errors: those of HttpServer::Start.
  static absl::StatusOr<std::unique_ptr<TelemetryServer>> Start(
      const std::string& address, const std::string& program,
      const std::string& version, MetricRegistry& registry,
      Readiness readiness);

  const std::string& address() const { return http_->address(); }
  int port() const { return http_->port(); }

 private:
  explicit TelemetryServer(std::unique_ptr<HttpServer> http)
      : http_(std::move(http)) {}

  std::unique_ptr<HttpServer> http_;
};

}  // namespace merganser
