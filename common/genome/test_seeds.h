// Layouts, seeds and recipes for the tests of genome/.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/genome/half_float.h"
#include "common/genome/linear_recipe.h"
#include "common/genome/noise.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/seed_weights.h"
#include "common/storage/test_files.h"

namespace merganser {

inline ParameterLayout VectorsOf(const std::vector<int64_t>& lengths) {
  ParameterLayout layout;
  for (const int64_t length : lengths) {
    layout.tensors.push_back({"t" + std::to_string(layout.tensors.size()),
                              {length},
                              layout.length,
                              length});
    layout.length += length;
  }
  return layout;
}

inline std::vector<uint8_t> Encode(const std::vector<float>& values,
                                   DType dtype) {
  std::vector<uint8_t> bytes(values.size() * DTypeBytes(dtype));
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::kF32) {
      std::memcpy(&bytes[4 * i], &values[i], 4);
    } else {
      const uint16_t bits = dtype == DType::kBF16 ? RoundToBF16(values[i])
                                                  : RoundToF16(values[i]);
      std::memcpy(&bytes[2 * i], &bits, 2);
    }
  }
  return bytes;
}

inline std::vector<float> Decode(const std::vector<uint8_t>& bytes,
                                 DType dtype) {
  std::vector<float> values(bytes.size() / DTypeBytes(dtype));
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::kF32) {
      std::memcpy(&values[i], &bytes[4 * i], 4);
    } else {
      uint16_t bits;
      std::memcpy(&bits, &bytes[2 * i], 2);
      values[i] = dtype == DType::kBF16 ? WidenBF16(bits) : WidenF16(bits);
    }
  }
  return values;
}

// A seed with this parameter vector, through a file as seeds always are.
inline absl::StatusOr<SeedWeights> MakeSeed(const ParameterLayout& layout,
                                            const std::vector<float>& values,
                                            DType dtype) {
  const std::vector<uint8_t> bytes = Encode(values, dtype);
  std::vector<TensorToWrite> tensors;
  for (const TensorSlice& slice : layout.tensors) {
    tensors.push_back(
        {slice.name, dtype, slice.shape,
         std::span(bytes).subspan(slice.offset * DTypeBytes(dtype),
                                  slice.elements * DTypeBytes(dtype))});
  }
  static int counter = 0;
  const TestFile file("." + std::to_string(++counter) + ".safetensors");
  const absl::Status written = WriteSafetensors(file.path(), tensors, {});
  if (!written.ok()) return written;
  auto opened = SafetensorsFile::Open(file.path());
  if (!opened.ok()) return opened.status();
  ThreadTeam team(1);
  return SeedWeights::Create(*opened, layout, team);
}

inline std::vector<const SeedWeights*> Pointers(
    const std::vector<SeedWeights>& seeds) {
  std::vector<const SeedWeights*> pointers;
  for (const SeedWeights& seed : seeds) pointers.push_back(&seed);
  return pointers;
}

inline std::vector<float> RandomValues(int64_t count, std::mt19937& random) {
  std::normal_distribution<float> normal(0.0f, 0.1f);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// A canonical recipe of up to `segments` segments per chromosome, a quarter of
// its coefficients zero.
inline LinearRecipe RandomRecipe(int seeds,
                                 std::span<const ChromosomeLayout> chromosomes,
                                 int segments, std::mt19937& random) {
  std::uniform_real_distribution<double> uniform(-1.0, 1.5);
  LinearRecipe recipe{.seeds = seeds, .chromosomes = {}};
  for (const ChromosomeLayout& layout : chromosomes) {
    std::uniform_int_distribution<int64_t> block(0, layout.blocks - 1);
    std::set<int64_t> starts = {0};
    for (int s = 1; s < segments; ++s) {
      starts.insert(layout.StartOf(block(random)));
    }
    ChromosomeRecipe chromosome{.starts = {starts.begin(), starts.end()},
                                .coefficients = {}};
    for (size_t i = 0; i < starts.size() * seeds; ++i) {
      chromosome.coefficients.push_back(random() % 4 == 0 ? 0.0
                                                          : uniform(random));
    }
    recipe.chromosomes.push_back(std::move(chromosome));
  }
  return recipe;
}

// The coefficients of an element, by the definition.
inline std::vector<double> CoefficientsAt(const LinearRecipe& recipe,
                                          int chromosome, int64_t element) {
  const ChromosomeRecipe& of = recipe.chromosomes[chromosome];
  size_t segment = 0;
  for (size_t s = 0; s < of.starts.size(); ++s) {
    if (of.starts[s] <= element) segment = s;
  }
  const auto begin = of.coefficients.begin() + segment * recipe.seeds;
  return {begin, begin + recipe.seeds};
}

// One element's noise, from docs/formats.md.
inline float NoiseOf(const NoiseKey& key, DrawPurpose purpose,
                     int64_t element) {
  const auto n = static_cast<uint64_t>(key.sequence_number);
  const auto low = [](uint64_t x) { return static_cast<uint32_t>(x); };
  const uint64_t block = element / 4;
  const auto words = Philox4x32(
      {low(n), low(n >> 32),
       low(static_cast<uint32_t>(purpose) + 256 * (block >> 32)), low(block)},
      {low(key.campaign_seed), low(key.campaign_seed >> 32)});
  return StandardNormal(words[element % 4]);
}

}  // namespace merganser
