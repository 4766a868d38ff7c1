#include "worker/models/mlp.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "common/storage/csv_dataset.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "worker/models/device.h"
#include "worker/tasks/classification.h"
#include "worker/testing/digits_campaign.h"

namespace merganser {
namespace {

constexpr int64_t kInputs = 64;
constexpr int64_t kHidden = 256;
constexpr int64_t kClasses = 10;

ParameterLayout LayoutOf(const std::vector<int64_t>& widths) {
  ParameterLayout layout;
  const auto add = [&](const char* what, std::vector<int64_t> shape) {
    int64_t elements = 1;
    for (const int64_t extent : shape) elements *= extent;
    layout.tensors.push_back({what, std::move(shape), layout.length, elements});
    layout.length += elements;
  };
  for (size_t i = 0; i + 1 < widths.size(); ++i) {
    add("weight", {widths[i], widths[i + 1]});
    add("bias", {widths[i + 1]});
  }
  return layout;
}

ParameterLayout DigitsLayout() {
  return LayoutOf({kInputs, kHidden, kClasses});
}

CsvDataset Rows(int64_t begin, int64_t end) {
  return *ReadCsvDataset(DigitsFolder() + "/digits.csv",
                         {.begin = begin, .end = end});
}

// theta[i] = 0.05 sin(0.7 i + 0.3)
std::vector<float> Sine() {
  std::vector<float> theta(static_cast<size_t>(DigitsLayout().length));
  for (size_t i = 0; i < theta.size(); ++i) {
    theta[i] =
        static_cast<float>(0.05 * std::sin(0.7 * static_cast<double>(i) + 0.3));
  }
  return theta;
}

// Logits are the inner products with the classes' mean images.
std::vector<float> NearestCentroid() {
  const CsvDataset rows = Rows(0, 1437);
  std::vector<double> mean(kClasses * kInputs);
  std::vector<double> count(kClasses);
  for (int64_t row = 0; row < rows.rows; ++row) {
    const int32_t label = rows.labels[row];
    count[label] += 1;
    for (int64_t k = 0; k < kInputs; ++k) {
      mean[label * kInputs + k] += rows.features[row * kInputs + k];
    }
  }
  const ParameterLayout layout = DigitsLayout();
  std::vector<float> theta(layout.length);
  for (int64_t k = 0; k < kInputs; ++k) theta[k * kHidden + k] = 1;
  for (int64_t c = 0; c < kClasses; ++c) {
    double square = 0;
    for (int64_t k = 0; k < kInputs; ++k) {
      const double value = mean[c * kInputs + k] / count[c];
      theta[layout.tensors[2].offset + k * kClasses + c] =
          static_cast<float>(value);
      square += value * value;
    }
    theta[layout.tensors[3].offset + c] = static_cast<float>(-0.5 * square);
  }
  return theta;
}

std::vector<float> Seed(const std::string& name) {
  const auto file =
      *SafetensorsFile::Open(DigitsFolder() + "/" + name + ".safetensors");
  std::vector<float> theta;
  const ParameterLayout layout = *MlpLayout(*file);
  for (const TensorSlice& tensor : layout.tensors) {
    const TensorView view = *file->Tensor(tensor.name);
    const size_t before = theta.size();
    theta.resize(before + static_cast<size_t>(view.elements));
    std::memcpy(theta.data() + before, view.bytes.data(), view.bytes.size());
  }
  return theta;
}

std::vector<float> ParametersOf(const std::string& name) {
  if (name == "formula_sine") return Sine();
  if (name == "nearest_centroid") return NearestCentroid();
  return Seed(name);
}

void Load(Mlp& mlp, const std::vector<float>& theta) {
  ASSERT_EQ(mlp.parameters().size(), theta.size() * sizeof(float));
  std::memcpy(mlp.parameters().data(), theta.data(), mlp.parameters().size());
  ASSERT_TRUE(mlp.LoadParameters().ok());
}

std::vector<float> Logits(Mlp& mlp, std::span<const float> rows) {
  const auto logits = mlp.Forward(*mlp.ToDevice(rows));
  EXPECT_TRUE(logits.ok()) << logits.status();
  return {logits->begin(), logits->end()};
}

// "0110…" of all rows.
std::string Correctness(Mlp& mlp, const CsvDataset& dataset) {
  const std::vector<float> logits = Logits(mlp, dataset.features);
  std::string correctness;
  for (int64_t row = 0; row < dataset.rows; ++row) {
    const std::span<const float> own(&logits[row * kClasses], kClasses);
    correctness += IsCorrect(own, dataset.labels[row]) ? '1' : '0';
  }
  return correctness;
}

class MlpTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(OpenDevice("cpu", 1).ok()); }

  static Mlp Create(const ParameterLayout& layout, std::set<int64_t> sizes,
                    DType dtype = DType::kF32) {
    auto mlp = Mlp::Create(
        layout,
        {.device = "cpu", .weights_dtype = dtype, .batch_sizes = sizes});
    EXPECT_TRUE(mlp.ok()) << mlp.status();
    return *std::move(mlp);
  }
};

TEST_F(MlpTest, AgreesWithTheReferenceOnAllModels) {
  std::ifstream file(MERGANSER_SOURCE_DIR "/worker/testdata/mlp.json");
  const auto reference = nlohmann::json::parse(file);
  Mlp mlp = Create(DigitsLayout(), {1437, 360});
  const CsvDataset search = Rows(0, 1437);
  const CsvDataset holdout = Rows(1437, 1797);
  ASSERT_EQ(reference["models"].size(), 4u);
  for (const auto& model : reference["models"]) {
    SCOPED_TRACE(model["name"].get<std::string>());
    Load(mlp, ParametersOf(model["name"]));
    const std::vector<float> logits = Logits(mlp, search.features);
    const double tolerance = 1e-5 * model["max_abs_logit"].get<double>();
    for (int64_t row = 0; row < 5; ++row) {
      for (int64_t c = 0; c < kClasses; ++c) {
        EXPECT_NEAR(logits[row * kClasses + c],
                    model["logits_train_first5_f64"][row][c].get<double>(),
                    tolerance);
      }
    }
    EXPECT_EQ(Correctness(mlp, search),
              model["train_correctness"].get<std::string>());
    EXPECT_EQ(Correctness(mlp, holdout),
              model["test_correctness"].get<std::string>());
  }
}

TEST_F(MlpTest, RunsAnyNumberOfLayersWithReluBetweenThem) {
  // By hand: [1 2] -> relu([1 -2] + [0.5 0.5]) = [1.5 0]
  //   -> relu([3 -1.5] + [0 1]) = [3 0] -> [-3] + [0.25], no relu.
  Mlp mlp = Create(LayoutOf({2, 2, 2, 1}), {1});
  Load(mlp, {1, 0, 0, -1, 0.5, 0.5,  //
             2, -1, 7, 7, 0, 1,      //
             -1, 9, 0.25});
  EXPECT_EQ(Logits(mlp, std::vector<float>{1, 2}), (std::vector<float>{-2.75}));
}

TEST_F(MlpTest, ASingleLayerIsLinear) {
  Mlp mlp = Create(LayoutOf({2, 2}), {2});
  Load(mlp, {1, 2, 3, 4, 10, 20});
  EXPECT_EQ(Logits(mlp, std::vector<float>{1, 1, -1, 0}),
            (std::vector<float>{14, 26, 9, 18}));
}

TEST_F(MlpTest, WidensHalfPrecisionWeightsExactly) {
  struct Case {
    DType dtype;
    uint16_t one_and_a_half, minus_two;
  };
  for (const Case& c : {Case{DType::kBF16, 0x3FC0, 0xC000},
                        Case{DType::kF16, 0x3E00, 0xC000}}) {
    Mlp mlp = Create(LayoutOf({1, 1}), {1}, c.dtype);
    const uint16_t parameters[] = {c.one_and_a_half, c.minus_two};
    ASSERT_EQ(mlp.parameters().size(), sizeof(parameters));
    std::memcpy(mlp.parameters().data(), parameters, sizeof(parameters));
    ASSERT_TRUE(mlp.LoadParameters().ok());
    EXPECT_EQ(Logits(mlp, std::vector<float>{3}), (std::vector<float>{2.5}));
  }
}

TEST_F(MlpTest, RefusesABatchOfAnotherSize) {
  Mlp mlp = Create(LayoutOf({1, 1}), {2, 4});
  EXPECT_TRUE(mlp.Forward(*mlp.ToDevice(std::vector<float>(2))).ok());
  EXPECT_TRUE(mlp.Forward(*mlp.ToDevice(std::vector<float>(4))).ok());
  EXPECT_EQ(mlp.Forward(*mlp.ToDevice(std::vector<float>(3))).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(MlpTest, MemoryThatThereIsNotIsAnErrorNotAnException) {
  const auto mlp = Mlp::Create(LayoutOf({int64_t{1} << 30, int64_t{1} << 28}),
                               {.batch_sizes = {1}});
  EXPECT_EQ(mlp.status().code(), absl::StatusCode::kResourceExhausted)
      << mlp.status();
}

TEST_F(MlpTest, DevicesThatThereAreNotAreRefused) {
  EXPECT_EQ(OpenDevice("gpu", 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenDevice("cuda:-1", 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenDevice("cuda:4096", 1).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(MlpTest, TheDeviceClassTellsNumbersOfThreadsApart) {
  const auto one = OpenDevice("cpu", 1);
  const auto two = OpenDevice("cpu", 2);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(one->name(), "cpu");
  EXPECT_NE(one->device_class(), two->device_class());
  EXPECT_GE(one->capacity(), 1);
  EXPECT_GT(one->memory_bytes(), 0);
  ASSERT_TRUE(OpenDevice("cpu", 1).ok());
}

}  // namespace
}  // namespace merganser
