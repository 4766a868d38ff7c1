// A language model without the last rows of its embedding and head, for merging
// models with vocabularies of several sizes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/checkpoint/checkpoint.h"
#include "common/storage/tensor_source.h"

namespace merganser {

// Whether a tensor has a row per token: the embedding and the head.
bool IsPerTokenTensor(const std::string& name);

// A checkpoint with the first `rows` rows alone of those tensors; all of them
// where it has no more.
std::shared_ptr<const TensorSource> LeadingRows(
    std::shared_ptr<const Checkpoint> checkpoint, int64_t rows);

// The rows of such a tensor from `rows` on, which LeadingRows() leaves out; no
// elements where it has no more.
// Errors: those of Checkpoint::Tensor().
absl::StatusOr<TensorView> TrailingRows(const Checkpoint& checkpoint,
                                        const std::string& name, int64_t rows);

}  // namespace merganser
