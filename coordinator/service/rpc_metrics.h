// Counts a server's RPCs by method and code.
#pragma once

#include "common/telemetry/metrics.h"
#include "grpcpp/server_builder.h"

namespace merganser {

// From now on all calls of the server that `builder` builds are counted in
// merganser_rpcs_total and timed in merganser_rpc_duration_seconds. Methods
// that no service of the server has are not. Borrows the registry.
void CountRpcs(grpc::ServerBuilder& builder, MetricRegistry& registry);

}  // namespace merganser
