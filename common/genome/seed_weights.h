// A seed's weights as a parameter vector, without copying them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/thread_team.h"
#include "common/storage/tensor_source.h"

namespace merganser {

// The tensors of one source in the order of a layout. Keeps the source.
// Threads: immutable after Create(); safe to share.
class SeedWeights {
 public:
  struct Tensor {
    DType dtype = DType::kF32;
    std::span<const uint8_t> bytes;  // little-endian; not aligned to anything
  };

  // Reads every element once: a seed holds finite numbers only.
  // Errors: InvalidArgument naming source and tensor (and the element's index)
  // for a tensor that is missing, has another shape, or holds a NaN or
  // infinity.
  static absl::StatusOr<SeedWeights> Create(
      std::shared_ptr<const TensorSource> source, const ParameterLayout& layout,
      ThreadTeam& team);

  // One per tensor of the layout.
  std::span<const Tensor> tensors() const { return tensors_; }
  // The dtype of all tensors; float32 where they differ.
  DType dtype() const { return dtype_; }

 private:
  SeedWeights(std::shared_ptr<const TensorSource> source,
              std::vector<Tensor> tensors);

  std::shared_ptr<const TensorSource> source_;
  std::vector<Tensor> tensors_;
  DType dtype_ = DType::kF32;
};

// The weights of a candidate wherever they lie, one per tensor of the layout.
using WeightTensors = std::span<const SeedWeights::Tensor>;

// The default of `weights_dtype`: the seeds' common dtype, else float32.
DType CommonDType(std::span<const SeedWeights* const> seeds);

}  // namespace merganser
