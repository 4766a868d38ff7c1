// The genome as a whole against M2N2's reference code: crossover.json and
// trajectory.json (see the README of testdata/).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/genome/crossover.h"
#include "common/genome/gram.h"
#include "common/genome/materialise.h"
#include "common/genome/test_seeds.h"
#include "common/storage/csv_dataset.h"

namespace merganser {
namespace {

using nlohmann::json;

const std::string kRoot = MERGANSER_SOURCE_DIR;

json ReadJson(const std::string& path) {
  std::ifstream stream(kRoot + path);
  return json::parse(stream);
}

// Two seeds and what makes children of them.
class Breeder {
 public:
  Breeder(GenomeLayout layout, std::vector<SeedWeights> seeds)
      : layout_(std::move(layout)),
        seeds_(std::move(seeds)),
        materialiser_(team_),
        gram_(GramSums::Create(layout_, Pointers(seeds_), team_)) {}

  LinearRecipe Child(const LinearRecipe& a, const LinearRecipe& b,
                     int64_t split, double w) const {
    const CrossoverDraw draw{.split_blocks = {split}, .mixes = {w}};
    return Cross(a, b, CrossoverCoefficients(gram_, a, b, draw));
  }

  double Omega(const LinearRecipe& a, const LinearRecipe& b) const {
    const double norms = std::sqrt(gram_.InnerProduct(0, a, a)) *
                         std::sqrt(gram_.InnerProduct(0, b, b));
    return std::acos(
        std::clamp(gram_.InnerProduct(0, a, b) / norms, -1.0, 1.0));
  }

  std::vector<float> Weights(const LinearRecipe& recipe) {
    std::vector<uint8_t> bytes(layout_.parameters.length * 4);
    EXPECT_EQ(materialiser_.Run(recipe, layout_, Pointers(seeds_), DType::kF32,
                                bytes),
              absl::OkStatus());
    return Decode(bytes, DType::kF32);
  }

 private:
  GenomeLayout layout_;
  std::vector<SeedWeights> seeds_;
  ThreadTeam team_{2};
  Materialiser materialiser_;
  GramSums gram_;
};

TEST(ReferenceTest, CrossesAsTheReferenceDoes) {
  const json reference = ReadJson("/common/genome/testdata/crossover.json");
  ASSERT_EQ(reference["cases"].size(), 16u);
  for (const json& row : reference["cases"]) {
    SCOPED_TRACE(row["name"].get<std::string>());
    const int64_t length = row["n"];
    const GenomeLayout layout = SingleChromosome(VectorsOf({length}));
    std::vector<SeedWeights> seeds;
    for (const char* parent : {"x", "y"}) {
      seeds.push_back(MakeSeed(layout.parameters,
                               row[parent].get<std::vector<float>>(),
                               DType::kF32)
                          .value());
    }
    Breeder breeder(layout, std::move(seeds));
    const LinearRecipe a = SeedRecipe(0, 2, 1);
    const LinearRecipe b = SeedRecipe(1, 2, 1);
    const auto child =
        breeder.Weights(breeder.Child(a, b, row["split"], row["w"]));
    const auto expected = row["expect_f32"].get<std::vector<double>>();
    double largest = 0;
    for (const double value : expected) {
      largest = std::max(largest, std::abs(value));
    }
    for (int64_t i = 0; i < length; ++i) {
      EXPECT_NEAR(child[i], expected[i], 4e-6 * largest) << i;
    }
  }
}

constexpr int kPixels = 64;
constexpr int kHidden = 256;
constexpr int kClasses = 10;

// Whether relu(x W1 + b1) W2 + b2 is largest at the label; first on ties.
bool IsSolved(const std::vector<float>& weights, const float* pixels,
              int label) {
  const float* const w1 = weights.data();
  const float* const b1 = w1 + kPixels * kHidden;
  const float* const w2 = b1 + kHidden;
  const float* const b2 = w2 + kHidden * kClasses;
  float hidden[kHidden] = {};
  for (int i = 0; i < kPixels; ++i) {
    if (pixels[i] == 0) continue;
    for (int j = 0; j < kHidden; ++j) {
      hidden[j] += pixels[i] * w1[i * kHidden + j];
    }
  }
  float logits[kClasses] = {};
  for (int j = 0; j < kHidden; ++j) {
    const float active = std::max(0.0f, hidden[j] + b1[j]);
    for (int c = 0; c < kClasses; ++c) {
      logits[c] += active * w2[j * kClasses + c];
    }
  }
  for (int c = 0; c < kClasses; ++c) logits[c] += b2[c];
  return std::max_element(logits, logits + kClasses) - logits == label;
}

// Datapoint 0 is the highest bit of the first digit.
bool ScoreBit(const std::string& digits, int64_t datapoint) {
  const int digit = std::stoi(digits.substr(datapoint / 4, 1), nullptr, 16);
  return digit >> (3 - datapoint % 4) & 1;
}

Breeder DigitsBreeder() {
  const std::string folder = kRoot + "/examples/digits/";
  std::vector<SeedWeights> seeds;
  ParameterLayout layout;
  ThreadTeam team(1);
  for (const char* name : {"seed_digits_0_to_4", "seed_digits_5_to_9"}) {
    const auto file =
        SafetensorsFile::Open(folder + name + ".safetensors").value();
    layout = MlpLayout(*file).value();
    seeds.push_back(SeedWeights::Create(file, layout, team).value());
  }
  return Breeder(SingleChromosome(layout), std::move(seeds));
}

TEST(ReferenceTest, TheExamplesSeedsAreTheReferencesBitForBit) {
  Breeder breeder = DigitsBreeder();
  const char* const names[] = {"seed_digits_0_to_4", "seed_digits_5_to_9"};
  for (int k = 0; k < 2; ++k) {
    std::ifstream stream(
        kRoot + "/common/genome/testdata/" + names[k] + ".f32.bin",
        std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    const auto expected =
        Decode(std::vector<uint8_t>(bytes.begin(), bytes.end()), DType::kF32);
    ASSERT_EQ(expected.size(), 19210u);
    EXPECT_EQ(breeder.Weights(SeedRecipe(k, 2, 1)), expected);
  }
}

// 400 children of the paper's own run, each made from its parents' recipes: the
// same angles, and not one of 574,800 scores is another.
TEST(ReferenceTest, RepeatsTheRecordedRunWithoutASingleScoreChanged) {
  const json trajectory =
      ReadJson("/common/evolution/testdata/trajectory.json");
  const CsvDataset digits =
      ReadCsvDataset(kRoot + "/examples/digits/digits.csv", {.end = 1437})
          .value();
  Breeder breeder = DigitsBreeder();
  std::vector<LinearRecipe> archive(20);
  for (int k = 0; k < 2; ++k) archive[k] = SeedRecipe(k, 2, 1);
  int64_t flips = 0;
  for (const json& step : trajectory["steps"]) {
    const LinearRecipe& a = archive[step["A"].get<int>()];
    const LinearRecipe& b = archive[step["B"].get<int>()];
    ASSERT_NEAR(breeder.Omega(a, b), step["omega_f64"], 1e-9);
    const LinearRecipe child = breeder.Child(a, b, step["split"], step["w"]);
    const std::vector<float> weights = breeder.Weights(child);
    const std::string scores = step["child_scores"];
    for (int64_t row = 0; row < digits.rows; ++row) {
      const bool solved = IsSolved(
          weights, &digits.features[row * digits.columns], digits.labels[row]);
      flips += solved != ScoreBit(scores, row) ? 1 : 0;
    }
    const int dropped = step["dropped_slot"];
    if (dropped < 20) archive[dropped] = child;
  }
  EXPECT_EQ(trajectory["steps"].size(), 400u);
  EXPECT_EQ(flips, 0);
}

}  // namespace
}  // namespace merganser
