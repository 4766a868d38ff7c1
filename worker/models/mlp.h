// A multilayer perceptron, run forward by libtorch.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "ATen/core/Tensor.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/genome/parameter_layout.h"
#include "common/storage/dtype.h"

namespace merganser {

// logits = h_n with h_0 = input, h_i+1 = relu(h_i * weight_i + bias_i), no relu
// behind the last layer; float32. One candidate at a time: its parameter vector
// is written straight into the model's own buffer.
// Threads: none; one object belongs to one thread at a time.
class Mlp {
 public:
  struct Options {
    std::string device = "cpu";  // "cpu" or "cuda:N"
    // What the parameter vector is written in.
    DType weights_dtype = DType::kF32;
    // The numbers of rows that batches may have; each at least 1.
    std::set<int64_t> batch_sizes;
  };

  // `layout` is one of MlpLayout(). Allocates all that Forward() needs.
  // Errors: ResourceExhausted when the device's memory does not suffice.
  static absl::StatusOr<Mlp> Create(const ParameterLayout& layout,
                                    const Options& options);

  // Where the next candidate's parameter vector goes, in weights_dtype.
  std::span<uint8_t> parameters();

  // Takes up what parameters() holds.
  absl::Status LoadParameters();

  // Shape: batch is [rows][inputs] on the model's device, rows being one of
  // batch_sizes; the logits are [rows][outputs], valid until the next call.
  // Errors: InvalidArgument for another number of rows; Internal with
  // libtorch's message.
  absl::StatusOr<std::span<const float>> Forward(const at::Tensor& batch);

  // A copy of `rows` on the model's device.
  // Shape: rows is [n][inputs], row-major; so is the result.
  absl::StatusOr<at::Tensor> ToDevice(std::span<const float> rows) const;

 private:
  struct Layer {
    at::Tensor weight;  // [in][out], a view of vector_
    at::Tensor bias;    // [out], likewise
  };
  // Where the results of one size of batch go: views of buffers that all sizes
  // share.
  struct Outputs {
    std::vector<at::Tensor> layers;  // [rows][out] each, on the device
    at::Tensor logits;               // [rows][outputs], on the host
  };

  Mlp() = default;
  void Allocate(const ParameterLayout& layout, const Options& options);
  void AllocateOutputs(const std::set<int64_t>& batch_sizes);

  at::Tensor vector_;   // [D] float32 on the device: what layers look into
  at::Tensor staging_;  // [D] weights_dtype on the host, or vector_ itself
  std::vector<Layer> layers_;
  std::map<int64_t, Outputs> outputs_;  // by rows
  int64_t inputs_ = 0;
};

}  // namespace merganser
