// Rows of the embedding and the head that are not merged but kept from one of
// the models, where vocabularies have several sizes.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "common/checkpoint/checkpoint.h"
#include "common/checkpoint/checkpoint_writer.h"
#include "common/storage/dtype.h"

namespace merganser {

// Widens the outlines of merged rows to all that `donor` has.
void AddKeptRows(const Checkpoint& donor, std::vector<TensorOutline>& outlines);

// Writes the donor's rows from `merged_rows` on, rounded to `dtype`, to a
// writer that was made with those outlines.
// Errors: those of the donor and the writer.
absl::Status WriteKeptRows(const Checkpoint& donor, int64_t merged_rows,
                           DType dtype,
                           const std::vector<TensorOutline>& outlines,
                           CheckpointWriter& writer);

}  // namespace merganser
