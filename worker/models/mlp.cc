#include "worker/models/mlp.h"

#include <cstddef>
#include <cstring>

#include "ATen/ops/addmm.h"
#include "ATen/ops/empty.h"
#include "ATen/ops/relu.h"
#include "ATen/ops/zeros.h"
#include "c10/core/InferenceMode.h"
#include "common/base/status_macros.h"
#include "worker/models/scalar_type.h"
#include "worker/models/torch_boundary.h"

namespace merganser {
absl::StatusOr<Mlp> Mlp::Create(const ParameterLayout& layout,
                                const Options& options) {
  Mlp mlp;
  RETURN_IF_ERROR(CatchTorch("allocating the model",
                             [&] { mlp.Allocate(layout, options); }));
  return mlp;
}

void Mlp::Allocate(const ParameterLayout& layout, const Options& options) {
  const c10::InferenceMode inference;
  const at::Device device(options.device);
  const at::TensorOptions on_device =
      at::TensorOptions().dtype(at::kFloat).device(device);
  inputs_ = layout.tensors.front().shape.front();
  vector_ = at::zeros({layout.length}, on_device);
  staging_ = vector_;
  if (options.weights_dtype != DType::kF32 || !device.is_cpu()) {
    staging_ = at::zeros({layout.length}, ScalarTypeOf(options.weights_dtype));
  }
  for (size_t i = 0; i < layout.tensors.size(); i += 2) {
    const TensorSlice& weight = layout.tensors[i];
    const TensorSlice& bias = layout.tensors[i + 1];
    layers_.push_back(
        {vector_.narrow(0, weight.offset, weight.elements).view(weight.shape),
         vector_.narrow(0, bias.offset, bias.elements)});
  }
  AllocateOutputs(options.batch_sizes);
}

void Mlp::AllocateOutputs(const std::set<int64_t>& batch_sizes) {
  if (batch_sizes.empty()) return;
  std::vector<at::Tensor> buffers;
  for (const Layer& layer : layers_) {
    buffers.push_back(at::empty({*batch_sizes.rbegin(), layer.bias.numel()},
                                vector_.options()));
  }
  const at::Tensor host = buffers.back().to(at::kCPU);
  for (const int64_t rows : batch_sizes) {
    Outputs& outputs = outputs_[rows];
    for (const at::Tensor& buffer : buffers) {
      outputs.layers.push_back(buffer.narrow(0, 0, rows));
    }
    outputs.logits = host.narrow(0, 0, rows);
  }
}

std::span<uint8_t> Mlp::parameters() {
  return {static_cast<uint8_t*>(staging_.data_ptr()), staging_.nbytes()};
}

absl::Status Mlp::LoadParameters() {
  if (staging_.is_same(vector_)) return absl::OkStatus();
  return CatchTorch("loading the parameters", [&] {
    const c10::InferenceMode inference;
    vector_.copy_(staging_);
  });
}

absl::StatusOr<std::span<const float>> Mlp::Forward(const at::Tensor& batch) {
  const auto found = outputs_.find(batch.size(0));
  if (found == outputs_.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a batch of ", batch.size(0), " rows is not one of the model's sizes"));
  }
  Outputs& outputs = found->second;
  RETURN_IF_ERROR(CatchTorch("running the model forward", [&] {
    const c10::InferenceMode inference;
    const at::Tensor* input = &batch;
    for (size_t i = 0; i < layers_.size(); ++i) {
      at::Tensor& output = outputs.layers[i];
      at::addmm_out(output, layers_[i].bias, *input, layers_[i].weight);
      if (i + 1 < layers_.size()) at::relu_(output);
      input = &output;
    }
    // On the host, both are the same memory.
    if (!vector_.is_cpu()) outputs.logits.copy_(*input);
  }));
  return std::span<const float>(outputs.logits.data_ptr<float>(),
                                static_cast<size_t>(outputs.logits.numel()));
}

absl::StatusOr<at::Tensor> Mlp::ToDevice(std::span<const float> rows) const {
  at::Tensor copy;
  RETURN_IF_ERROR(CatchTorch("copying datapoints to the device", [&] {
    const c10::InferenceMode inference;
    const auto count = static_cast<int64_t>(rows.size()) / inputs_;
    at::Tensor host = at::empty({count, inputs_}, at::kFloat);
    std::memcpy(host.data_ptr(), rows.data(), rows.size_bytes());
    copy = host.to(vector_.device());
  }));
  return copy;
}

}  // namespace merganser
