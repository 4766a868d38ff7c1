#include "common/telemetry/telemetry_server.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/telemetry/process_metrics.h"

namespace merganser {
namespace {

constexpr char kTextFormat[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr char kOther[] = "other";

HttpAnswer MakeAnswer(const std::string& path, MetricRegistry& registry,
                      const TelemetryServer::Readiness& readiness) {
  if (path == "/metrics") {
    return {.body = registry.Text(), .content_type = kTextFormat};
  }
  if (path == "/healthz") return {.body = "alive\n"};
  if (path == "/readyz") {
    const absl::StatusOr<std::string> ready = readiness();
    if (ready.ok()) return {.body = absl::StrCat(*ready, "\n")};
    return {.code = 503, .body = absl::StrCat(ready.status().message(), "\n")};
  }
  return {.code = 404, .body = "try /metrics, /healthz or /readyz\n"};
}

}  // namespace

absl::StatusOr<std::unique_ptr<TelemetryServer>> TelemetryServer::Start(
    const std::string& address, const std::string& program,
    const std::string& version, MetricRegistry& registry, Readiness readiness) {
  registry.AddSampler([program, version](MetricSamples& samples) {
    samples.AddGauge({"merganser_build_info", "1; the labels say what runs."},
                     1, {{"program", program}, {"version", version}});
    SampleProcess(samples);
  });
  auto handler = [&registry,
                  readiness = std::move(readiness)](const std::string& path) {
    HttpAnswer answer = MakeAnswer(path, registry, readiness);
    registry
        .AddCounter({"merganser_http_requests_total",
                     "Answers of the server for metrics and probes."},
                    {{"path", answer.code == 404 ? kOther : path},
                     {"code", absl::StrCat(answer.code)}})
        .Add();
    return answer;
  };
  ASSIGN_OR_RETURN(auto http, HttpServer::Start(address, std::move(handler)));
  return std::unique_ptr<TelemetryServer>(new TelemetryServer(std::move(http)));
}

}  // namespace merganser
