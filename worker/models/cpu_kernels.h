// The inner loops of a decoder in float32 on the CPU, compiled for each
// instruction set and chosen at run time. What they compute for one row, query
// or key depends on nothing else that they are given.
#pragma once

#include <cstdint>
#include <span>

#include "worker/models/decoder_engine.h"

namespace merganser {

// Kernels may read as many floats behind their inputs, and use none of them.
inline constexpr int64_t kReadableBehind = 64;

// output[m] = weight * input[m] + bias
struct Linear {
  const float* input = nullptr;  // [rows][inputs]
  int64_t input_stride = 0;      // floats from one row to the next
  int64_t inputs = 0;
  const float* weight = nullptr;  // [outputs][inputs]
  const float* bias = nullptr;    // [outputs], or none
  float* output = nullptr;        // [rows][outputs]
  int64_t output_stride = 0;
  int64_t outputs = 0;
  bool accumulate = false;  // output is added to
};

struct LinearBlock {
  int64_t row_begin = 0, row_end = 0;
  int64_t output_begin = 0, output_end = 0;
};

void RunLinear(const Linear& linear, const LinearBlock& block);

// output = input / sqrt(mean(input²) + epsilon) * weight, elementwise.
void RmsNorm(const float* input, const float* weight, int64_t size,
             float epsilon, float* output);

// Turns pairs (x[i], x[i + half]) by the angles.
void Rotate(const float* cosines, const float* sines, int64_t half, float* x);

// gate = gate / (1 + exp(-gate)) * up, elementwise.
void GatedSilu(const float* up, int64_t size, float* gate);

// Attention of queries that share one head of keys and values.
struct Attention {
  const float* queries = nullptr;  // [count][heads][head_size]
  int64_t query_stride = 0;        // floats from one token to the next
  int64_t heads = 0;               // that share the keys
  int64_t head_size = 0;
  int64_t count = 0;     // tokens
  int64_t position = 0;  // of the first one
  // Where positions 0, 1, … lie.
  std::span<const KeyRange> ranges;
  const float* keys = nullptr;    // [row][head_size]
  const float* values = nullptr;  // likewise
  int64_t row_stride = 0;
  int64_t window = 0;       // keys that a token sees, itself included
  float* output = nullptr;  // as the queries lie
};

// Floats of scratch that Attend() needs.
int64_t AttentionScratch(const Attention& attention);

// output = softmax(query · keys / sqrt(head_size)) · values
void Attend(const Attention& attention, float* scratch);

struct LogitSummary {
  // The first of the largest; -1 where one is NaN or the largest is infinite.
  int32_t best = -1;
  double log_sum = 0;  // ln Σ exp(logit), where asked for; NaN where best is -1
};

LogitSummary Summarise(const float* logits, int64_t size, bool wants_log_sum);

}  // namespace merganser
