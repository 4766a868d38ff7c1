// What the system says of this process: process_*, by Prometheus' convention.
#pragma once

#include "common/telemetry/metrics.h"

namespace merganser {

// Adds CPU time, memory, file descriptors and start time. What /proc does not
// tell is left out.
void SampleProcess(MetricSamples& samples);

}  // namespace merganser
