#include "worker/models/torch_llama.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "ATen/core/Tensor.h"
#include "ATen/ops/add.h"
#include "ATen/ops/bmm.h"
#include "ATen/ops/cat.h"
#include "ATen/ops/empty.h"
#include "ATen/ops/index_select.h"
#include "ATen/ops/linear.h"
#include "ATen/ops/logsumexp.h"
#include "ATen/ops/max.h"
#include "ATen/ops/mul.h"
#include "ATen/ops/rsqrt.h"
#include "ATen/ops/silu.h"
#include "ATen/ops/softmax.h"
#include "ATen/ops/sub.h"
#include "ATen/ops/zeros.h"
#include "c10/core/InferenceMode.h"
#include "common/base/status_macros.h"
#include "worker/models/attention_groups.h"
#include "worker/models/rotary.h"
#include "worker/models/scalar_type.h"
#include "worker/models/torch_boundary.h"

namespace merganser {
namespace {

constexpr int64_t kScoresAtOnce = 16 << 20;  // of attention, over all heads
constexpr int64_t kLogitsAtOnce = 16 << 20;

struct TorchLinear {
  at::Tensor weight;               // [out][in]
  c10::optional<at::Tensor> bias;  // [out]
};

struct TorchLayer {
  at::Tensor attention_norm, mlp_norm;
  TorchLinear query, key, value, output, gate, up, down;
};

// An AttentionGroup on the device.
struct TorchGroup {
  int64_t segments, queries, keys;
  at::Tensor query_tokens, key_rows, valid, valid_tokens;
  at::Tensor mask;  // [segments][1][1][queries][keys]
};

class TorchLlama final : public DecoderEngine {
 public:
  TorchLlama(const LanguageModelConfig& config, const LlamaSlices& slices,
             int64_t parameters, const LlamaOptions& options);

  std::span<uint8_t> parameters() override;
  OutputFormat parameter_format() const override { return {weights_dtype_}; }
  absl::Status LoadParameters() override;
  int64_t row_bytes() const override;
  absl::Status Reserve(int64_t rows, int64_t positions, bool keep) override;
  absl::Status Forward(const ForestStep& step) override;
  absl::Status Head(const HeadRequest& request, HeadResult& result) override;
  absl::Status Logits(std::span<const int64_t> tokens,
                      std::span<float> logits) override;

 private:
  void MakeViews(const LlamaSlices& slices);
  at::Tensor View(const TensorSlice& slice) const;
  TorchLinear View(const LinearSlice& slice) const;
  template <typename T>
  at::Tensor ToDevice(std::span<const T> values) const;

  // Some of libtorch's operations lack float16 on the CPU; float32 rounds to
  // the same.
  at::Tensor Computable(const at::Tensor& tensor) const;
  at::Tensor Apply(const TorchLinear& linear, const at::Tensor& input) const;
  at::Tensor Normalise(const at::Tensor& input, const at::Tensor& weight) const;

  void PrepareStep(const ForestStep& step);
  void RunStep();
  void RunLayer(size_t index);
  at::Tensor Rotated(const at::Tensor& heads) const;
  at::Tensor Attend(const at::Tensor& queries, const at::Tensor& keys,
                    const at::Tensor& values) const;
  at::Tensor AttendGroup(const TorchGroup& group, const at::Tensor& queries,
                         const at::Tensor& keys,
                         const at::Tensor& values) const;
  at::Tensor ComputeLogits(std::span<const int64_t> tokens) const;
  void RunHead(const HeadRequest& request, HeadResult& result) const;

  const LanguageModelConfig config_;
  const at::Device device_;
  const at::ScalarType dtype_;
  RotaryTable rotary_;
  at::Tensor vector_;  // [D] dtype_ on the device: what layers look into
  const DType weights_dtype_;
  at::Tensor staging_;  // [D] weights_dtype on the host, or vector_ itself
  at::Tensor embedding_, norm_, head_;
  std::vector<TorchLayer> layers_;
  at::Tensor keys_;    // [layers or 1][rows][key_value_heads * head_size]
  at::Tensor values_;  // likewise
  bool keep_ = true;   // the cache has all layers

  // Of the last step.
  at::Tensor tokens_, rows_;    // [T]
  at::Tensor cosines_, sines_;  // [T][1][head_size / 2]
  at::Tensor hidden_;           // [T][hidden]
  std::vector<TorchGroup> groups_;
};

TorchLlama::TorchLlama(const LanguageModelConfig& config,
                       const LlamaSlices& slices, int64_t parameters,
                       const LlamaOptions& options)
    : config_(config),
      device_(options.device),
      dtype_(ScalarTypeOf(options.compute_dtype)),
      rotary_(config),
      weights_dtype_(options.weights_dtype) {
  const c10::InferenceMode inference;
  vector_ = at::zeros({parameters},
                      at::TensorOptions().dtype(dtype_).device(device_));
  staging_ = vector_;
  if (options.weights_dtype != options.compute_dtype || !device_.is_cpu()) {
    staging_ = at::zeros({parameters}, ScalarTypeOf(options.weights_dtype));
  }
  MakeViews(slices);
}

at::Tensor TorchLlama::View(const TensorSlice& slice) const {
  return vector_.narrow(0, slice.offset, slice.elements).view(slice.shape);
}

TorchLinear TorchLlama::View(const LinearSlice& slice) const {
  TorchLinear linear{View(slice.weight), c10::nullopt};
  if (slice.bias) linear.bias = View(*slice.bias);
  return linear;
}

void TorchLlama::MakeViews(const LlamaSlices& slices) {
  embedding_ = View(slices.embedding);
  norm_ = View(slices.norm);
  head_ = View(slices.head);
  for (const LlamaLayerSlices& layer : slices.layers) {
    layers_.push_back({View(layer.attention_norm), View(layer.mlp_norm),
                       View(layer.query), View(layer.key), View(layer.value),
                       View(layer.output), View(layer.gate), View(layer.up),
                       View(layer.down)});
  }
}

template <typename T>
at::Tensor TorchLlama::ToDevice(std::span<const T> values) const {
  at::Tensor host = at::empty(
      {std::ssize(values)}, std::is_same_v<T, float> ? at::kFloat : at::kLong);
  std::memcpy(host.data_ptr(), values.data(), values.size_bytes());
  return host.to(device_);
}

std::span<uint8_t> TorchLlama::parameters() {
  return {static_cast<uint8_t*>(staging_.data_ptr()), staging_.nbytes()};
}

absl::Status TorchLlama::LoadParameters() {
  if (staging_.is_same(vector_)) return absl::OkStatus();
  return CatchTorch("loading the parameters", [&] {
    const c10::InferenceMode inference;
    vector_.copy_(staging_);
  });
}

int64_t TorchLlama::row_bytes() const {
  return config_.layers * 2 * config_.key_value_heads * config_.head_size *
         static_cast<int64_t>(vector_.element_size());
}

absl::Status TorchLlama::Reserve(int64_t rows, int64_t positions, bool keep) {
  return CatchTorch("making room for keys and values", [&] {
    const c10::InferenceMode inference;
    rotary_.Reserve(positions);
    keep_ = keep;
    const int64_t layers = keep ? config_.layers : 1;
    const int64_t size = config_.key_value_heads * config_.head_size;
    for (at::Tensor* cache : {&keys_, &values_}) {
      if (!cache->defined() || cache->size(0) < layers ||
          cache->size(1) < rows) {
        *cache = at::Tensor();  // first, so that both are never there at once
        *cache = at::empty({layers, rows, size}, vector_.options());
      }
    }
  });
}

absl::Status TorchLlama::Forward(const ForestStep& step) {
  return CatchTorch("running the model forward", [&] {
    const c10::InferenceMode inference;
    PrepareStep(step);
    RunStep();
  });
}

void TorchLlama::PrepareStep(const ForestStep& step) {
  const int64_t half = config_.head_size / 2;
  std::vector<int64_t> tokens(step.tokens.begin(), step.tokens.end());
  std::vector<float> cosines, sines;
  for (const int64_t position : step.positions) {
    const float* const c = rotary_.cosines(position);
    const float* const s = rotary_.sines(position);
    cosines.insert(cosines.end(), c, c + half);
    sines.insert(sines.end(), s, s + half);
  }
  tokens_ = ToDevice<int64_t>(tokens);
  rows_ = ToDevice<int64_t>(step.rows);
  cosines_ = ToDevice<float>(cosines).to(dtype_).view({-1, 1, half});
  sines_ = ToDevice<float>(sines).to(dtype_).view({-1, 1, half});
  groups_.clear();
  const int64_t window =
      config_.sliding_window.value_or(std::numeric_limits<int32_t>::max());
  for (const AttentionGroup& group :
       GroupForAttention(step, window, kScoresAtOnce / config_.heads)) {
    groups_.push_back(
        {group.segments, group.queries, group.keys,
         ToDevice<int64_t>(group.query_tokens),
         ToDevice<int64_t>(group.key_rows), ToDevice<int64_t>(group.valid),
         ToDevice<int64_t>(group.valid_tokens),
         ToDevice<float>(group.mask)
             .view({group.segments, 1, 1, group.queries, group.keys})});
  }
}

void TorchLlama::RunStep() {
  hidden_ = at::index_select(embedding_, 0, tokens_);
  for (size_t i = 0; i < layers_.size(); ++i) RunLayer(i);
}

at::Tensor TorchLlama::Computable(const at::Tensor& tensor) const {
  return device_.is_cpu() && dtype_ == at::kHalf ? tensor.to(at::kFloat)
                                                 : tensor;
}

at::Tensor TorchLlama::Apply(const TorchLinear& linear,
                             const at::Tensor& input) const {
  c10::optional<at::Tensor> bias;
  if (linear.bias) bias = Computable(*linear.bias);
  return at::linear(Computable(input), Computable(linear.weight), bias)
      .to(dtype_);
}

at::Tensor TorchLlama::Normalise(const at::Tensor& input,
                                 const at::Tensor& weight) const {
  const at::Tensor wide = input.to(at::kFloat);
  const at::Tensor mean = at::mul(wide, wide).mean({-1}, /*keepdim=*/true);
  const at::Tensor factor = at::rsqrt(at::add(mean, config_.norm_epsilon));
  return at::mul(weight, at::mul(wide, factor).to(dtype_));
}

at::Tensor TorchLlama::Rotated(const at::Tensor& heads) const {
  const int64_t half = config_.head_size / 2;
  const at::Tensor low = heads.narrow(-1, 0, half);
  const at::Tensor high = heads.narrow(-1, half, half);
  return at::cat({at::sub(at::mul(low, cosines_), at::mul(high, sines_)),
                  at::add(at::mul(high, cosines_), at::mul(low, sines_))},
                 -1);
}

void TorchLlama::RunLayer(size_t index) {
  const TorchLayer& layer = layers_[index];
  const at::Tensor input = Normalise(hidden_, layer.attention_norm);
  const auto project = [&](const TorchLinear& linear, int64_t heads) {
    return Apply(linear, input).view({-1, heads, config_.head_size});
  };
  const int64_t shared = config_.key_value_heads;
  const at::Tensor queries = Rotated(project(layer.query, config_.heads));
  const int64_t place = keep_ ? static_cast<int64_t>(index) : 0;
  at::Tensor keys = keys_.select(0, place);
  at::Tensor values = values_.select(0, place);
  keys.index_copy_(0, rows_, Rotated(project(layer.key, shared)).flatten(1));
  values.index_copy_(0, rows_, Apply(layer.value, input));
  hidden_ =
      at::add(hidden_, Apply(layer.output, Attend(queries, keys, values)));
  const at::Tensor narrow = Normalise(hidden_, layer.mlp_norm);
  const at::Tensor gate =
      at::silu(Computable(Apply(layer.gate, narrow))).to(dtype_);
  const at::Tensor inner = at::mul(gate, Apply(layer.up, narrow));
  hidden_ = at::add(hidden_, Apply(layer.down, inner));
}

at::Tensor TorchLlama::Attend(const at::Tensor& queries, const at::Tensor& keys,
                              const at::Tensor& values) const {
  at::Tensor output = at::empty(
      {queries.size(0), config_.heads * config_.head_size}, queries.options());
  for (const TorchGroup& group : groups_) {
    const at::Tensor result = AttendGroup(group, queries, keys, values);
    output.index_copy_(0, group.valid_tokens,
                       at::index_select(result, 0, group.valid));
  }
  return output;
}

at::Tensor TorchLlama::AttendGroup(const TorchGroup& group,
                                   const at::Tensor& queries,
                                   const at::Tensor& keys,
                                   const at::Tensor& values) const {
  const int64_t shared = config_.key_value_heads;
  const int64_t sharing = config_.heads / shared;
  const int64_t size = config_.head_size;
  const int64_t segments = group.segments;
  const at::Tensor q =
      at::index_select(queries, 0, group.query_tokens)
          .view({segments, group.queries, shared, sharing, size})
          .permute({0, 2, 3, 1, 4})
          .reshape({segments * shared, sharing * group.queries, size});
  const auto gather = [&](const at::Tensor& cache) {
    return at::index_select(cache, 0, group.key_rows)
        .view({segments, group.keys, shared, size})
        .transpose(1, 2)
        .reshape({segments * shared, group.keys, size});
  };
  const at::Tensor products =
      at::bmm(Computable(q), Computable(gather(keys)).transpose(1, 2))
          .to(at::kFloat)
          .view({segments, shared, sharing, group.queries, group.keys});
  const double scale = 1 / std::sqrt(static_cast<double>(size));
  const at::Tensor weights =
      at::softmax(at::add(group.mask, products, scale), -1)
          .to(dtype_)
          .view({segments * shared, sharing * group.queries, group.keys});
  return at::bmm(Computable(weights), Computable(gather(values)))
      .to(dtype_)
      .view({segments, shared, sharing, group.queries, size})
      .permute({0, 3, 1, 2, 4})
      .reshape({segments * group.queries, config_.heads * size});
}

at::Tensor TorchLlama::ComputeLogits(std::span<const int64_t> tokens) const {
  const at::Tensor chosen =
      at::index_select(hidden_, 0, ToDevice<int64_t>(tokens));
  return Apply({head_, c10::nullopt}, Normalise(chosen, norm_)).to(at::kFloat);
}

absl::Status TorchLlama::Logits(std::span<const int64_t> tokens,
                                std::span<float> logits) {
  return CatchTorch("computing logits", [&] {
    const c10::InferenceMode inference;
    const at::Tensor host = ComputeLogits(tokens).to(at::kCPU).contiguous();
    std::memcpy(logits.data(), host.data_ptr(), logits.size_bytes());
  });
}

void TorchLlama::RunHead(const HeadRequest& request, HeadResult& result) const {
  const int64_t size = config_.vocabulary_size;
  const int64_t count = std::ssize(request.tokens);
  const int64_t at_once = std::max<int64_t>(1, kLogitsAtOnce / size);
  auto query = request.queries.begin();
  for (int64_t begin = 0; begin < count; begin += at_once) {
    const int64_t rows = std::min(at_once, count - begin);
    const at::Tensor logits =
        ComputeLogits(std::span(request.tokens).subspan(begin, rows));
    const auto [top, first] = at::max(logits, 1);
    const at::Tensor largest = top.to(at::kCPU);
    const at::Tensor best = first.to(at::kCPU);
    for (int64_t i = 0; i < rows; ++i) {
      // Infinite logits have no probabilities either.
      const bool finite = std::isfinite(largest.data_ptr<float>()[i]);
      const int64_t index = best.data_ptr<int64_t>()[i];
      result.best.push_back(finite ? static_cast<int32_t>(index) : -1);
    }
    std::vector<int64_t> places, lines;
    for (; query != request.queries.end() && query->row < begin + rows;
         ++query) {
      lines.push_back(query->row - begin);
      places.push_back(lines.back() * size + query->token);
    }
    if (lines.empty()) continue;
    const at::Tensor sums = at::logsumexp(logits, {1});
    const at::Tensor found =
        at::index_select(logits.flatten(), 0, ToDevice<int64_t>(places))
            .to(at::kDouble)
            .sub(at::index_select(sums, 0, ToDevice<int64_t>(lines))
                     .to(at::kDouble))
            .to(at::kCPU);
    const double* const values = found.data_ptr<double>();
    for (size_t i = 0; i < lines.size(); ++i) {
      result.log_probabilities.push_back(
          result.best[begin + lines[i]] < 0
              ? std::numeric_limits<double>::quiet_NaN()
              : values[i]);
    }
  }
}

absl::Status TorchLlama::Head(const HeadRequest& request, HeadResult& result) {
  result.best.clear();
  result.log_probabilities.clear();
  return CatchTorch("computing logits", [&] {
    const c10::InferenceMode inference;
    RunHead(request, result);
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<DecoderEngine>> CreateTorchLlama(
    const LanguageModelConfig& config, const LlamaSlices& slices,
    int64_t parameters, const LlamaOptions& options) {
  std::unique_ptr<DecoderEngine> engine;
  RETURN_IF_ERROR(CatchTorch("allocating the model", [&] {
    engine = std::make_unique<TorchLlama>(config, slices, parameters, options);
  }));
  return engine;
}

}  // namespace merganser
