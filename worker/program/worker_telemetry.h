// The worker's metrics and probes.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/telemetry_server.h"
#include "worker/program/worker_options.h"
#include "worker/session/worker_session.h"
#include "worker/tasks/evaluator.h"
#include "worker/weights/blobs.h"

namespace merganser {

// Serves on options.metrics what `registry` has, and what can be read off the
// others, all borrowed until the server is gone. Null if there is no address.
// Errors: those of TelemetryServer::Start, naming the option.
absl::StatusOr<std::unique_ptr<TelemetryServer>> ServeWorkerTelemetry(
    const WorkerOptions& options, MetricRegistry& registry,
    WorkerSession& session, const CoordinatorBlobs& blobs,
    const EvaluatorFactory& evaluators);

}  // namespace merganser
