#include "worker/models/cpu_kernels.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace merganser {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// `size` numbers, and behind them what kernels may read and must not use.
std::vector<float> RandomFloats(int64_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> numbers(-1, 1);
  std::vector<float> floats(size + kReadableBehind, kNaN);
  for (int64_t i = 0; i < size; ++i) floats[i] = numbers(random);
  return floats;
}

struct LinearCase {
  int64_t rows, inputs, outputs;
  bool bias, accumulate;
};

TEST(RunLinearTest, IsTheProductInDouble) {
  for (const LinearCase& c :
       {LinearCase{1, 1, 1, false, false}, LinearCase{5, 96, 33, true, false},
        LinearCase{13, 100, 7, true, true}, LinearCase{6, 576, 4, false, true},
        LinearCase{7, 15, 18, false, false}}) {
    const auto x = RandomFloats(c.rows * c.inputs, 1);
    const auto w = RandomFloats(c.outputs * c.inputs, 2);
    const auto b = RandomFloats(c.outputs, 3);
    const auto before = RandomFloats(c.rows * c.outputs, 4);
    std::vector<float> y = before;
    RunLinear({.input = x.data(),
               .input_stride = c.inputs,
               .inputs = c.inputs,
               .weight = w.data(),
               .bias = c.bias ? b.data() : nullptr,
               .output = y.data(),
               .output_stride = c.outputs,
               .outputs = c.outputs,
               .accumulate = c.accumulate},
              {0, c.rows, 0, c.outputs});
    for (int64_t m = 0; m < c.rows; ++m) {
      for (int64_t n = 0; n < c.outputs; ++n) {
        double sum = c.bias ? b[n] : 0;
        for (int64_t k = 0; k < c.inputs; ++k) {
          sum += double{x[m * c.inputs + k]} * w[n * c.inputs + k];
        }
        if (c.accumulate) sum += before[m * c.outputs + n];
        EXPECT_NEAR(y[m * c.outputs + n], sum, 2e-5) << m << " " << n;
      }
    }
  }
}

TEST(RunLinearTest, WritesItsBlockAlone) {
  const auto x = RandomFloats(8 * 20, 1);
  const auto w = RandomFloats(9 * 20, 2);
  std::vector<float> y(8 * 9, 77);
  RunLinear({.input = x.data(),
             .input_stride = 20,
             .inputs = 20,
             .weight = w.data(),
             .output = y.data(),
             .output_stride = 9,
             .outputs = 9},
            {2, 7, 3, 8});
  for (int64_t i = 0; i < 8 * 9; ++i) {
    const bool inside = i / 9 >= 2 && i / 9 < 7 && i % 9 >= 3 && i % 9 < 8;
    EXPECT_EQ(y[i] != 77, inside) << i;
  }
}

TEST(RmsNormTest, DividesByTheRootMeanSquare) {
  const std::vector<float> x = {3, -4, 0, 0, 12, 0, 0, 0};
  const std::vector<float> w = {1, 1, 1, 1, 2, 1, 1, 1};
  std::vector<float> y(8);
  std::vector<float> padded = x;
  padded.resize(8 + kReadableBehind, kNaN);
  // (9 + 16 + 144) / 8 + 3.875 = 25
  RmsNorm(padded.data(), w.data(), 8, 3.875F, y.data());
  EXPECT_FLOAT_EQ(y[0], 0.6F);
  EXPECT_FLOAT_EQ(y[1], -0.8F);
  EXPECT_FLOAT_EQ(y[4], 4.8F);
}

TEST(GatedSiluTest, IsThatOfDouble) {
  std::vector<float> gate = {0, 1, -1, 20, -20, 100, -100, 5, -0.5F};
  const std::vector<float> before = gate;
  std::vector<float> up(gate.size(), 2);
  const auto size = std::ssize(gate);
  gate.resize(size + kReadableBehind, kNaN);
  up.resize(size + kReadableBehind, kNaN);
  GatedSilu(up.data(), size, gate.data());
  for (int64_t i = 0; i < size; ++i) {
    const double x = before[i];
    EXPECT_NEAR(gate[i], 2 * x / (1 + std::exp(-x)), 1e-6 * std::abs(x) + 1e-7);
  }
  EXPECT_TRUE(std::isnan(gate[size]));
}

struct AttentionCase {
  int64_t heads, head_size, position, count, window;
};

// The output of one head of one token, in double.
std::vector<double> SlowAttention(const AttentionCase& c,
                                  const std::vector<int64_t>& rows,
                                  const float* query, int64_t position,
                                  const std::vector<float>& keys,
                                  const std::vector<float>& values,
                                  int64_t stride) {
  std::vector<double> output(c.head_size);
  double sum = 0;
  for (int64_t p = std::max<int64_t>(0, position + 1 - c.window); p <= position;
       ++p) {
    double score = 0;
    for (int64_t d = 0; d < c.head_size; ++d) {
      score += double{query[d]} * keys[rows[p] * stride + d];
    }
    const double weight = std::exp(score / std::sqrt(c.head_size));
    sum += weight;
    for (int64_t d = 0; d < c.head_size; ++d) {
      output[d] += weight * values[rows[p] * stride + d];
    }
  }
  for (double& value : output) value /= sum;
  return output;
}

void CheckAttention(const AttentionCase& c) {
  const int64_t stride = c.head_size + 3;
  const int64_t length = c.position + c.count;
  // Positions lie in three ranges of the cache.
  const int64_t a = length / 3;
  const int64_t b = length / 2;
  const std::vector<KeyRange> ranges = {
      {10, 10 + a}, {500, 500 + b - a}, {300, 300 + length - b}};
  std::vector<int64_t> rows;
  for (const KeyRange& range : ranges) {
    for (int64_t row = range.begin; row < range.end; ++row) rows.push_back(row);
  }
  const auto keys = RandomFloats(1000 * stride, 5);
  const auto values = RandomFloats(1000 * stride, 6);
  const int64_t query_stride = c.heads * c.head_size + 5;
  const auto queries = RandomFloats(c.count * query_stride, 7);
  std::vector<float> output(c.count * query_stride, 77);
  const Attention attention{.queries = queries.data(),
                            .query_stride = query_stride,
                            .heads = c.heads,
                            .head_size = c.head_size,
                            .count = c.count,
                            .position = c.position,
                            .ranges = ranges,
                            .keys = keys.data(),
                            .values = values.data(),
                            .row_stride = stride,
                            .window = c.window,
                            .output = output.data()};
  std::vector<float> scratch(AttentionScratch(attention));
  Attend(attention, scratch.data());
  for (int64_t token = 0; token < c.count; ++token) {
    for (int64_t i = 0; i < query_stride; ++i) {
      const float actual = output[token * query_stride + i];
      if (i >= c.heads * c.head_size) {
        EXPECT_EQ(actual, 77);
        continue;
      }
      const float* const query =
          queries.data() + token * query_stride + i / c.head_size * c.head_size;
      const auto expected = SlowAttention(c, rows, query, c.position + token,
                                          keys, values, stride);
      ASSERT_NEAR(actual, expected[i % c.head_size], 1e-5)
          << "token " << token << " element " << i;
    }
  }
}

TEST(AttendTest, IsThatOfDouble) {
  const int64_t all = 1 << 30;
  for (const AttentionCase& c :
       {AttentionCase{3, 16, 0, 5, all}, AttentionCase{3, 64, 40, 1, all},
        AttentionCase{1, 8, 7, 70, all}, AttentionCase{5, 80, 3, 40, all},
        AttentionCase{7, 6, 0, 33, all}, AttentionCase{3, 16, 0, 90, 16},
        AttentionCase{2, 64, 190, 37, 70}, AttentionCase{4, 128, 0, 1, 1}}) {
    SCOPED_TRACE(::testing::Message()
                 << c.heads << " heads of " << c.head_size << ", " << c.count
                 << " tokens from " << c.position << ", window " << c.window);
    CheckAttention(c);
  }
}

TEST(SummariseTest, FindsTheFirstOfTheLargest) {
  std::vector<float> logits(100, -1);
  logits[37] = logits[80] = 2;
  const LogitSummary summary = Summarise(logits.data(), 100, true);
  EXPECT_EQ(summary.best, 37);
  EXPECT_NEAR(summary.log_sum,
              std::log(2 * std::exp(2.0) + 98 * std::exp(-1.0)), 1e-7);
}

TEST(SummariseTest, FlagsNaNWhereverItIs) {
  for (const size_t place : {0, 17, 99}) {
    std::vector<float> logits(100, -1);
    logits[place] = kNaN;
    const LogitSummary summary = Summarise(logits.data(), 100, true);
    EXPECT_EQ(summary.best, -1);
    EXPECT_TRUE(std::isnan(summary.log_sum));
  }
}

TEST(SummariseTest, FlagsInfiniteLogits) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const size_t place : {0, 17, 99}) {
    std::vector<float> logits(100, -1);
    logits[place] = kInfinity;
    EXPECT_EQ(Summarise(logits.data(), 100, true).best, -1);
    EXPECT_TRUE(std::isnan(Summarise(logits.data(), 100, true).log_sum));
    // A token that cannot be is no fault.
    logits[place] = -kInfinity;
    EXPECT_GE(Summarise(logits.data(), 100, true).best, 0);
  }
  const std::vector<float> none(100, -kInfinity);
  EXPECT_EQ(Summarise(none.data(), 100, true).best, -1);
}

TEST(SummariseTest, LogSumIsAccurateForLargeVocabularies) {
  const auto logits = RandomFloats(128256, 9);
  double sum = 0;
  for (int64_t i = 0; i < 128256; ++i) sum += std::exp(double{logits[i]});
  EXPECT_NEAR(Summarise(logits.data(), 128256, true).log_sum, std::log(sum),
              1e-7);
}

}  // namespace
}  // namespace merganser
