// The device that a worker computes on.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

// Finds the device, and makes libtorch compute the same bits on every device of
// its class: `threads` threads per forward, no TF32. Call it once per process,
// before any other use of libtorch.
//
// `name` is "cpu", "cuda:N", or "auto": cuda:0 where there is one, else cpu.
// Errors: InvalidArgument for another name; FailedPrecondition for a device
// that this machine, or this build of libtorch, has not.
absl::StatusOr<v1::Device> OpenDevice(const std::string& name, int threads);

// Brings the calling thread in line with OpenDevice(): the number of threads
// is a setting of each thread that calls into libtorch.
void UseDeviceOnThisThread();

}  // namespace merganser
