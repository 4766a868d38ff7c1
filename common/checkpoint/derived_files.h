// The files beside the weights of a model that is made of others.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/checkpoint/checkpoint.h"
#include "common/checkpoint/checkpoint_writer.h"

namespace merganser {

// The config.json of a checkpoint, for weights of `dtype` in `layers` layers:
// its other keys, and their order, stay.
// Errors: InvalidArgument with the path.
absl::StatusOr<std::string> DerivedConfigJson(const Checkpoint& seed,
                                              DType dtype, int64_t layers);

// That config.json, and copies of the seed's companion files.
// Errors: what the system says about the files.
absl::Status AddDerivedFiles(const Checkpoint& seed, DType dtype,
                             int64_t layers, CheckpointWriter& writer);

}  // namespace merganser
