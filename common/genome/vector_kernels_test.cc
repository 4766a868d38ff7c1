#include "common/genome/vector_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>

#include "common/genome/instruction_set_test.h"
#include "common/genome/test_seeds.h"

namespace merganser {
namespace {

constexpr DType kDTypes[] = {DType::kF32, DType::kBF16, DType::kF16};

class VectorKernelsTest : public InstructionSetTest {};

// The definition of a linear combination, one element at a time.
std::vector<uint8_t> CombinedNaively(
    const std::vector<std::vector<float>>& values,
    const std::vector<float>& coefficients, DType dtype) {
  std::vector<float> sums(values[0].size());
  for (size_t i = 0; i < sums.size(); ++i) {
    float sum = 0;
    for (size_t k = 0; k < values.size(); ++k) {
      sum = std::fma(coefficients[k], values[k][i], sum);
    }
    sums[i] = std::isnan(sum) ? std::bit_cast<float>(kNaNF32) : sum;
  }
  return Encode(sums, dtype);
}

// Inputs of each dtype in turn, starting `shift` bytes after an aligned
// address.
struct Inputs {
  Inputs(int count, int64_t elements, int shift, float scale,
         std::mt19937& random) {
    for (int k = 0; k < count; ++k) {
      const DType dtype = kDTypes[(k + elements) % 3];
      auto numbers = RandomValues(elements, random);
      for (float& number : numbers) number *= scale;
      std::vector<uint8_t> bytes = Encode(numbers, dtype);
      values.push_back(Decode(bytes, dtype));
      bytes.insert(bytes.begin(), shift, 0);
      stored.push_back(std::move(bytes));
      coefficients.push_back(RandomValues(1, random)[0] * 10);
      inputs.push_back(
          {stored.back().data() + shift, dtype, coefficients.back()});
    }
  }

  std::vector<std::vector<float>> values;
  std::vector<std::vector<uint8_t>> stored;
  std::vector<float> coefficients;
  std::vector<WeightedInput> inputs;
};

TEST_P(VectorKernelsTest, CombinesAsTheDefinitionDoesToTheBit) {
  std::mt19937 random(21);
  for (const int64_t elements : {0, 1, 15, 16, 63, 64, 65, 200, 1031}) {
    for (const int shift : {0, 1, 2, 4}) {
      // 1e-4: float16 results are subnormal. 1e38: infinities and NaNs.
      for (const float scale : {1.0f, 1e-4f, 1e38f}) {
        const Inputs inputs(4, elements, shift, scale, random);
        for (const DType dtype : kDTypes) {
          const auto rounded =
              CombinedNaively(inputs.values, inputs.coefficients, dtype);
          for (const bool widened : {false, true}) {
            const auto expected =
                widened ? Encode(Decode(rounded, dtype), DType::kF32) : rounded;
            for (const bool streaming : {false, true}) {
              // Bytes beyond the end must stay as they are.
              std::vector<uint8_t> out(shift + expected.size() + 64, 0xa5);
              Combine(inputs.inputs, elements, {dtype, widened}, streaming,
                      out.data() + shift);
              std::vector<uint8_t> all(shift, 0xa5);
              all.insert(all.end(), expected.begin(), expected.end());
              all.resize(out.size(), 0xa5);
              ASSERT_EQ(out, all) << elements << " elements, dtype "
                                  << DTypeName(dtype) << ", widened " << widened
                                  << ", shift " << shift << ", scale " << scale;
            }
          }
        }
      }
    }
  }
}

TEST_P(VectorKernelsTest, RoundsHalvesToEven) {
  // 1 + 2^-8 and 1 + 3 * 2^-8 are ties of bfloat16; 2^-11 of float16.
  const std::vector<float> ties = {1 + 0x1p-8f, 1 + 3 * 0x1p-8f};
  std::vector<float> values(128);
  for (size_t i = 0; i < values.size(); ++i) values[i] = ties[i % 2];
  const auto bytes = Encode(values, DType::kF32);
  const WeightedInput input{bytes.data(), DType::kF32, 1.0f};
  std::vector<uint8_t> out(256);
  Combine({&input, 1}, 128, {DType::kBF16}, false, out.data());
  const auto rounded = Decode(out, DType::kBF16);
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(rounded[i], i % 2 == 0 ? 1.0f : 1 + 4 * 0x1p-8f);
  }
}

TEST_P(VectorKernelsTest, NoInputsGiveZeros) {
  std::vector<uint8_t> out(100 * 4, 1);
  Combine({}, 100, {DType::kF32}, false, out.data());
  EXPECT_EQ(out, std::vector<uint8_t>(400));
}

TEST_P(VectorKernelsTest, WidensExactly) {
  std::mt19937 random(22);
  for (const DType dtype : kDTypes) {
    for (const int64_t elements : {1, 16, 77, 300}) {
      const auto bytes = Encode(RandomValues(elements, random), dtype);
      std::vector<uint8_t> shifted = bytes;
      shifted.insert(shifted.begin(), 0);
      std::vector<float> out(elements);
      Widen(shifted.data() + 1, dtype, elements, out.data());
      EXPECT_EQ(out, Decode(bytes, dtype));
    }
  }
}

TEST_P(VectorKernelsTest, WidensEveryFiniteHalf) {
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    std::vector<uint8_t> bytes;
    for (int bits = 0; bits < 0x10000; ++bits) {
      const int exponent = dtype == DType::kBF16 ? 0x7f80 : 0x7c00;
      if ((bits & exponent) == exponent) continue;
      bytes.push_back(bits & 0xff);
      bytes.push_back(bits >> 8);
    }
    std::vector<float> out(bytes.size() / 2);
    Widen(bytes.data(), dtype, static_cast<int64_t>(out.size()), out.data());
    EXPECT_EQ(Encode(out, DType::kF32),
              Encode(Decode(bytes, dtype), DType::kF32));
  }
}

TEST_P(VectorKernelsTest, AddsProductsLaneByLane) {
  std::mt19937 random(23);
  for (const int64_t elements : {0, 1, 7, 8, 9, 1000}) {
    const auto a = RandomValues(elements, random);
    const auto b = RandomValues(elements, random);
    std::array<double, kGramLanes> lanes = {1, 2, 3, 4, 5, 6, 7, 8};
    std::array<double, kGramLanes> expected = lanes;
    AddProducts(a.data(), b.data(), elements, lanes);
    for (int64_t i = 0; i < elements; ++i) {
      expected[i % 8] += double{a[i]} * double{b[i]};
    }
    EXPECT_EQ(lanes, expected);
  }
}

TEST_P(VectorKernelsTest, FindsTheFirstThatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const DType dtype : kDTypes) {
    for (const int64_t elements : {1, 32, 99}) {
      std::vector<float> values(elements, -2.0f);
      EXPECT_EQ(FirstNotFinite(Encode(values, dtype).data(), dtype, elements),
                elements);
      for (int64_t i = elements - 1; i >= 0; --i) {
        values[i] = i % 2 == 0 ? -infinity : std::nanf("");
        ASSERT_EQ(FirstNotFinite(Encode(values, dtype).data(), dtype, elements),
                  i);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, VectorKernelsTest,
                         testing::ValuesIn(SupportedTargets()),
                         [](const auto& info) {
                           return std::string(hwy::TargetName(info.param));
                         });

}  // namespace
}  // namespace merganser
