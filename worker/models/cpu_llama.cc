#include "worker/models/cpu_llama.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/functional/function_ref.h"
#include "common/base/status_macros.h"
#include "common/genome/thread_team.h"
#include "worker/models/cpu_kernels.h"
#include "worker/models/float_buffer.h"
#include "worker/models/rotary.h"

namespace merganser {
namespace {

// Blocks of a linear layer that one thread computes at a time: small enough for
// their part of the weight to stay in a core's cache.
constexpr int64_t kBlockRows = 96;
constexpr int64_t kBlockWeights = 48 << 10;
// What other threads are woken for, which takes as long as this many
// multiplications; and how many of them an element of elementwise work takes.
constexpr int64_t kWorthWaking = 1 << 18;
constexpr int64_t kWorkPerElement = 16;
constexpr int64_t kQueriesPerItem = 64;     // tokens
constexpr int64_t kRowsPerItem = 16;        // of elementwise work
constexpr int64_t kLogitsAtOnce = 4 << 20;  // floats

template <typename Body>
absl::Status CatchBadAlloc(const Body& body) {
  try {
    body();
    return absl::OkStatus();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("running the model: out of memory");
  }
}

int64_t Ceil(int64_t value, int64_t divisor) {
  return (value + divisor - 1) / divisor;
}

class CpuLlama final : public DecoderEngine {
 public:
  CpuLlama(const LanguageModelConfig& config, const LlamaSlices& slices,
           int64_t parameters, const LlamaOptions& options);

  std::span<uint8_t> parameters() override;
  OutputFormat parameter_format() const override { return format_; }
  absl::Status LoadParameters() override { return absl::OkStatus(); }
  int64_t row_bytes() const override;
  absl::Status Reserve(int64_t rows, int64_t positions, bool keep) override;
  absl::Status Forward(const ForestStep& step) override;
  absl::Status Head(const HeadRequest& request, HeadResult& result) override;
  absl::Status Logits(std::span<const int64_t> tokens,
                      std::span<float> logits) override;

 private:
  void ReserveStep(const ForestStep& step);
  void Embed();
  void RunLayer(size_t index);
  void RunAttention(size_t index);
  void StoreKeysAndValues(float* keys, float* values, int64_t token);
  void RunMlp(const LlamaLayerSlices& layer);

  // output = rms_norm(input) * weight, row by row.
  void Normalise(const float* input, const TensorSlice& weight, int64_t rows,
                 float* output);
  // Calls body(row) for every row, which has `size` elements.
  void ForRows(int64_t rows, int64_t size,
               absl::FunctionRef<void(int64_t)> body);
  // On all threads if `work`, about that many multiplications, is worth it.
  void Run(int64_t items, int64_t work, ThreadTeam::Body body);
  Linear MakeLinear(const LinearSlice& slice, const float* input,
                    int64_t input_stride, float* output,
                    int64_t output_stride) const;
  // Linear layers of the same input, at the same time.
  void RunLinears(std::span<const Linear> linears, int64_t rows);
  // Logits of some tokens of the last step.
  void ComputeLogits(std::span<const int64_t> tokens, float* logits);

  const float* Weight(const TensorSlice& slice) const {
    return vector_.data() + slice.offset;
  }
  int64_t key_size() const {
    return config_.key_value_heads * config_.head_size;
  }
  int64_t query_size() const { return config_.heads * config_.head_size; }
  // Queries, keys and values of a token side by side.
  int64_t projected_size() const { return query_size() + 2 * key_size(); }

  const LanguageModelConfig config_;
  const LlamaSlices slices_;
  const int64_t length_;  // of the parameter vector
  const OutputFormat format_;
  ThreadTeam team_;
  RotaryTable rotary_;
  FloatBuffer vector_;        // [length_]
  FloatBuffer keys_;          // [layers or 1][cache_rows_][key_size]
  FloatBuffer values_;        // likewise
  int64_t layer_stride_ = 0;  // floats of the cache from a layer to the next

  const ForestStep* step_ = nullptr;  // the one that is being computed
  // What one thread does of attention at a time: queries of a segment, from
  // which of its tokens on.
  std::vector<std::pair<const SegmentStep*, int64_t>> pieces_;
  int64_t attention_work_ = 0;
  int64_t tokens_ = 0;                // of the last step
  FloatBuffer hidden_;                // [tokens][hidden]
  FloatBuffer normed_;                // likewise
  FloatBuffer projected_;             // [tokens][projected_size]
  FloatBuffer gate_up_;               // [tokens][2][intermediate]
  FloatBuffer logits_;                // of a slice of the tokens
  std::vector<FloatBuffer> scratch_;  // per thread, for attention
};

CpuLlama::CpuLlama(const LanguageModelConfig& config, const LlamaSlices& slices,
                   int64_t parameters, const LlamaOptions& options)
    : config_(config),
      slices_(slices),
      length_(parameters),
      format_{options.weights_dtype,
              /*widened=*/options.weights_dtype != DType::kF32},
      team_(options.threads),
      rotary_(config),
      scratch_(options.threads) {
  vector_.Reserve(length_ + kReadableBehind);
  std::memset(vector_.data(), 0, (length_ + kReadableBehind) * sizeof(float));
}

std::span<uint8_t> CpuLlama::parameters() {
  return {reinterpret_cast<uint8_t*>(vector_.data()),
          static_cast<size_t>(length_) * sizeof(float)};
}

int64_t CpuLlama::row_bytes() const {
  return config_.layers * 2 * key_size() * static_cast<int64_t>(sizeof(float));
}

absl::Status CpuLlama::Reserve(int64_t rows, int64_t positions, bool keep) {
  return CatchBadAlloc([&] {
    rotary_.Reserve(positions);
    layer_stride_ = keep ? rows * key_size() : 0;
    const int64_t size =
        rows * key_size() * (keep ? config_.layers : 1) + kReadableBehind;
    keys_.Reserve(size);
    values_.Reserve(size);
  });
}

void CpuLlama::ReserveStep(const ForestStep& step) {
  tokens_ = std::ssize(step.tokens);
  const auto reserve = [&](FloatBuffer& buffer, int64_t size) {
    buffer.Reserve(tokens_ * size + kReadableBehind);
  };
  reserve(hidden_, config_.hidden_size);
  reserve(normed_, config_.hidden_size);
  reserve(projected_, projected_size());
  reserve(gate_up_, 2 * config_.intermediate_size);
  pieces_.clear();
  attention_work_ = 0;
  for (const SegmentStep& segment : step.segments) {
    attention_work_ +=
        segment.count * (segment.position + segment.count) * query_size() * 2;
    for (int64_t i = 0; i < segment.count; i += kQueriesPerItem) {
      pieces_.emplace_back(&segment, i);
    }
  }
}

absl::Status CpuLlama::Forward(const ForestStep& step) {
  return CatchBadAlloc([&] {
    step_ = &step;
    ReserveStep(step);
    Embed();
    for (size_t i = 0; i < slices_.layers.size(); ++i) RunLayer(i);
    step_ = nullptr;
  });
}

void CpuLlama::Run(int64_t items, int64_t work, ThreadTeam::Body body) {
  if (work >= kWorthWaking) return team_.Run(items, body);
  for (int64_t item = 0; item < items; ++item) body(item, 0);
}

void CpuLlama::ForRows(int64_t rows, int64_t size,
                       absl::FunctionRef<void(int64_t)> body) {
  const int64_t work = rows * size * kWorkPerElement;
  Run(Ceil(rows, kRowsPerItem), work, [&](int64_t item, int) {
    const int64_t end = std::min(rows, (item + 1) * kRowsPerItem);
    for (int64_t row = item * kRowsPerItem; row < end; ++row) body(row);
  });
}

void CpuLlama::Embed() {
  const int64_t size = config_.hidden_size;
  const float* const table = Weight(slices_.embedding);
  ForRows(tokens_, size, [&](int64_t row) {
    std::memcpy(hidden_.data() + row * size, table + step_->tokens[row] * size,
                size * sizeof(float));
  });
}

void CpuLlama::Normalise(const float* input, const TensorSlice& weight,
                         int64_t rows, float* output) {
  const int64_t size = config_.hidden_size;
  ForRows(rows, size, [&](int64_t row) {
    RmsNorm(input + row * size, Weight(weight), size,
            static_cast<float>(config_.norm_epsilon), output + row * size);
  });
}

Linear CpuLlama::MakeLinear(const LinearSlice& slice, const float* input,
                            int64_t input_stride, float* output,
                            int64_t output_stride) const {
  Linear linear;
  linear.input = input;
  linear.input_stride = input_stride;
  linear.inputs = slice.weight.shape[1];
  linear.weight = Weight(slice.weight);
  linear.bias = slice.bias ? Weight(*slice.bias) : nullptr;
  linear.output = output;
  linear.output_stride = output_stride;
  linear.outputs = slice.weight.shape[0];
  return linear;
}

void CpuLlama::RunLinears(std::span<const Linear> linears, int64_t rows) {
  const int64_t inputs = linears.front().inputs;
  const int64_t width = std::max<int64_t>(16, kBlockWeights / inputs / 16 * 16);
  const int64_t row_blocks = Ceil(rows, kBlockRows);
  int64_t columns = 0;
  int64_t outputs = 0;
  for (const Linear& linear : linears) {
    columns += Ceil(linear.outputs, width);
    outputs += linear.outputs;
  }
  Run(columns * row_blocks, rows * inputs * outputs, [&](int64_t item, int) {
    int64_t column = item / row_blocks;
    const Linear* linear = linears.data();
    while (column >= Ceil(linear->outputs, width)) {
      column -= Ceil(linear->outputs, width);
      ++linear;
    }
    const int64_t row = item % row_blocks * kBlockRows;
    RunLinear(*linear,
              {.row_begin = row,
               .row_end = std::min(rows, row + kBlockRows),
               .output_begin = column * width,
               .output_end = std::min(linear->outputs, (column + 1) * width)});
  });
}

void CpuLlama::RunLayer(size_t index) {
  const LlamaLayerSlices& layer = slices_.layers[index];
  const int64_t hidden = config_.hidden_size;
  Normalise(hidden_.data(), layer.attention_norm, tokens_, normed_.data());
  const auto project = [&](const LinearSlice& slice, int64_t offset) {
    return MakeLinear(slice, normed_.data(), hidden, projected_.data() + offset,
                      projected_size());
  };
  RunLinears({{project(layer.query, 0), project(layer.key, query_size()),
               project(layer.value, query_size() + key_size())}},
             tokens_);
  RunAttention(index);
  // Attention writes where the queries were.
  Linear output = MakeLinear(layer.output, projected_.data(), projected_size(),
                             hidden_.data(), hidden);
  output.accumulate = true;
  RunLinears({&output, 1}, tokens_);
  RunMlp(layer);
}

void CpuLlama::StoreKeysAndValues(float* keys, float* values, int64_t token) {
  float* const query = projected_.data() + token * projected_size();
  float* const key = query + query_size();
  const int64_t head = config_.head_size;
  const int64_t position = step_->positions[token];
  for (int64_t i = 0; i < config_.heads + config_.key_value_heads; ++i) {
    Rotate(rotary_.cosines(position), rotary_.sines(position), head / 2,
           query + i * head);
  }
  const int64_t offset = step_->rows[token] * key_size();
  std::memcpy(keys + offset, key, key_size() * sizeof(float));
  std::memcpy(values + offset, key + key_size(), key_size() * sizeof(float));
}

void CpuLlama::RunAttention(size_t index) {
  float* const keys =
      keys_.data() + static_cast<int64_t>(index) * layer_stride_;
  float* const values =
      values_.data() + static_cast<int64_t>(index) * layer_stride_;
  ForRows(tokens_, projected_size(),
          [&](int64_t token) { StoreKeysAndValues(keys, values, token); });
  const int64_t group = config_.heads / config_.key_value_heads;
  const int64_t heads = config_.key_value_heads;
  const int64_t all = std::numeric_limits<int32_t>::max();
  Run(std::ssize(pieces_) * heads, attention_work_,
      [&](int64_t item, int thread) {
        const auto& [segment, begin] = pieces_[item / heads];
        const int64_t head = item % heads * config_.head_size;
        float* const queries = projected_.data() +
                               (segment->first + begin) * projected_size() +
                               head * group;
        const Attention attention{
            .queries = queries,
            .query_stride = projected_size(),
            .heads = group,
            .head_size = config_.head_size,
            .count = std::min(kQueriesPerItem, segment->count - begin),
            .position = segment->position + begin,
            .ranges = segment->keys,
            .keys = keys + head,
            .values = values + head,
            .row_stride = key_size(),
            .window = config_.sliding_window.value_or(all),
            .output = queries};
        scratch_[thread].Reserve(AttentionScratch(attention));
        Attend(attention, scratch_[thread].data());
      });
}

void CpuLlama::RunMlp(const LlamaLayerSlices& layer) {
  const int64_t hidden = config_.hidden_size;
  const int64_t inner = config_.intermediate_size;
  Normalise(hidden_.data(), layer.mlp_norm, tokens_, normed_.data());
  float* const gate = gate_up_.data();
  RunLinears(
      {{MakeLinear(layer.gate, normed_.data(), hidden, gate, 2 * inner),
        MakeLinear(layer.up, normed_.data(), hidden, gate + inner, 2 * inner)}},
      tokens_);
  ForRows(tokens_, inner, [&](int64_t row) {
    GatedSilu(gate + (2 * row + 1) * inner, inner, gate + 2 * row * inner);
  });
  Linear down = MakeLinear(layer.down, gate, 2 * inner, hidden_.data(), hidden);
  down.accumulate = true;
  RunLinears({&down, 1}, tokens_);
}

void CpuLlama::ComputeLogits(std::span<const int64_t> tokens, float* logits) {
  const int64_t hidden = config_.hidden_size;
  const int64_t rows = std::ssize(tokens);
  normed_.Reserve(rows * hidden + kReadableBehind);
  ForRows(rows, hidden, [&](int64_t row) {
    RmsNorm(hidden_.data() + tokens[row] * hidden, Weight(slices_.norm), hidden,
            static_cast<float>(config_.norm_epsilon),
            normed_.data() + row * hidden);
  });
  const Linear head = MakeLinear({slices_.head, {}}, normed_.data(), hidden,
                                 logits, config_.vocabulary_size);
  RunLinears({&head, 1}, rows);
}

absl::Status CpuLlama::Logits(std::span<const int64_t> tokens,
                              std::span<float> logits) {
  return CatchBadAlloc([&] { ComputeLogits(tokens, logits.data()); });
}

absl::Status CpuLlama::Head(const HeadRequest& request, HeadResult& result) {
  const int64_t size = config_.vocabulary_size;
  const int64_t count = std::ssize(request.tokens);
  const int64_t at_once =
      std::max<int64_t>(1, std::min(kLogitsAtOnce / size, count));
  std::vector<double> log_sums(count);
  result.best.assign(count, -1);
  result.log_probabilities.clear();
  size_t query = 0;
  const auto run_slice = [&](int64_t begin) {
    const int64_t rows = std::min(at_once, count - begin);
    ComputeLogits(std::span(request.tokens).subspan(begin, rows),
                  logits_.data());
    ForRows(rows, size, [&](int64_t row) {
      const LogitSummary summary = Summarise(logits_.data() + row * size, size,
                                             !request.queries.empty());
      result.best[begin + row] = summary.best;
      log_sums[begin + row] = summary.log_sum;
    });
    for (; query < request.queries.size() &&
           request.queries[query].row < begin + rows;
         ++query) {
      const auto [row, token] = request.queries[query];
      result.log_probabilities.push_back(
          double{logits_.data()[(row - begin) * size + token]} - log_sums[row]);
    }
  };
  if (count == 0) return absl::OkStatus();
  return CatchBadAlloc([&] {
    logits_.Reserve(at_once * size + kReadableBehind);
    for (int64_t begin = 0; begin < count; begin += at_once) run_slice(begin);
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<DecoderEngine>> CreateCpuLlama(
    const LanguageModelConfig& config, const LlamaSlices& slices,
    int64_t parameters, const LlamaOptions& options) {
  std::unique_ptr<DecoderEngine> engine;
  RETURN_IF_ERROR(CatchBadAlloc([&] {
    engine = std::make_unique<CpuLlama>(config, slices, parameters, options);
  }));
  return engine;
}

}  // namespace merganser
