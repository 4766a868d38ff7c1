#include "common/campaign_spec/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

namespace merganser {
namespace {

using ::testing::StartsWith;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

v1::DatasetSpec Dataset() {
  v1::DatasetSpec dataset;
  dataset.set_file("/data/digits.csv");
  dataset.set_first_row(10);
  dataset.set_end_row(110);
  dataset.set_scale(1);
  dataset.set_digest(std::string(32, 'd'));
  dataset.set_rows(100);
  return dataset;
}

void AddTensor(v1::ModelSpec& model, const std::string& name,
               const std::vector<int64_t>& shape) {
  v1::TensorSpec& tensor = *model.add_tensors();
  tensor.set_name(name);
  tensor.mutable_shape()->Assign(shape.begin(), shape.end());
}

// Valid and resolved.
v1::CampaignSpec Spec() {
  v1::CampaignSpec spec;
  spec.set_name("digits");
  spec.mutable_model()->set_family("mlp");
  AddTensor(*spec.mutable_model(), "layers.0.weight", {64, 10});
  AddTensor(*spec.mutable_model(), "layers.0.bias", {10});
  for (const char* name : {"a", "b"}) {
    v1::SeedSpec& seed = *spec.add_seeds();
    seed.set_name(name);
    seed.set_path("/data/seed.safetensors");
    seed.set_digest(std::string(32, 's'));
  }
  for (const char* name : {"digits", "letters"}) {
    v1::TaskSpec& task = *spec.add_tasks();
    task.set_name(name);
    task.set_kind("classification");
    task.set_weight(1);
    *task.mutable_search() = Dataset();
  }
  *spec.mutable_tasks(1)->mutable_holdout() = Dataset();
  spec.mutable_search()->set_method("m2n2");
  spec.mutable_search()->set_population(20);
  spec.mutable_search()->set_alpha(1);
  spec.mutable_search()->set_mix_high(1);
  spec.mutable_schedule()->set_mode("ordered");
  spec.mutable_schedule()->set_window(32);
  spec.mutable_schedule()->set_shards(1);
  spec.mutable_budget()->set_evaluations(10);
  return spec;
}

using Edit = std::function<void(v1::CampaignSpec&)>;

struct Row {
  std::string name;
  Edit edit;
  // What the message begins with; empty = the spec stays valid.
  std::string message;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

Row Population(const std::string& name, int value, const std::string& message) {
  return {name, [=](auto& s) { s.mutable_search()->set_population(value); },
          message};
}

Row Alpha(const std::string& name, double value, const std::string& message) {
  return {name, [=](auto& s) { s.mutable_search()->set_alpha(value); },
          message};
}

Row Mix(const std::string& name, double low, double high,
        const std::string& message) {
  return {name,
          [=](auto& s) {
            s.mutable_search()->set_mix_low(low);
            s.mutable_search()->set_mix_high(high);
          },
          message};
}

Row Window(const std::string& name, int64_t value, const std::string& message) {
  return {name, [=](auto& s) { s.mutable_schedule()->set_window(value); },
          message};
}

Row Budget(const std::string& name, int64_t value, const std::string& message) {
  return {name, [=](auto& s) { s.mutable_budget()->set_evaluations(value); },
          message};
}

Row Weight(const std::string& name, uint32_t value,
           const std::string& message) {
  return {name, [=](auto& s) { s.mutable_tasks(1)->set_weight(value); },
          message};
}

Row ChunkSize(const std::string& name, int64_t value,
              const std::string& message) {
  return {name, [=](auto& s) { s.mutable_tasks(0)->set_chunk_size(value); },
          message};
}

Row Name(const std::string& name, const std::string& value,
         const std::string& message) {
  return {name, [=](auto& s) { s.set_name(value); }, message};
}

Row Seeds(const std::string& name, int count, const std::string& message) {
  return {name,
          [=](auto& s) {
            const v1::SeedSpec seed = s.seeds(0);
            s.clear_seeds();
            for (int i = 0; i < count; ++i) {
              *s.add_seeds() = seed;
              s.mutable_seeds(i)->set_name("s" + std::to_string(i));
            }
          },
          message};
}

Row Rows(const std::string& name, int64_t first, int64_t end, int64_t rows,
         const std::string& message) {
  return {name,
          [=](auto& s) {
            v1::DatasetSpec& dataset = *s.mutable_tasks(1)->mutable_holdout();
            dataset.set_first_row(first);
            dataset.set_end_row(end);
            dataset.set_rows(rows);
          },
          message};
}

Row Scale(const std::string& name, double value, const std::string& message) {
  return {
      name,
      [=](auto& s) { s.mutable_tasks(0)->mutable_search()->set_scale(value); },
      message};
}

Row Tensor(const std::string& name, const std::vector<int64_t>& shape,
           const std::string& message) {
  return {name, [=](auto& s) { AddTensor(*s.mutable_model(), "extra", shape); },
          message};
}

std::vector<Row> Limits() {
  return {
      {"Unchanged", [](auto&) {}, ""},
      Population("PopulationBelow", 1,
                 "search.population: expected 2 to 1024; got 1"),
      Population("PopulationLeast", 2, ""),
      Population("PopulationMost", 1024, ""),
      Population("PopulationAbove", 1025, "search.population: expected"),
      Alpha("AlphaBelow", -0.001, "search.alpha: expected 0 to 4; got -0.001"),
      Alpha("AlphaLeast", 0, ""),
      Alpha("AlphaMost", 4, ""),
      Alpha("AlphaAbove", 4.001, "search.alpha: expected 0 to 4; got 4.001"),
      Alpha("AlphaNan", kNan, "search.alpha: expected 0 to 4"),
      Mix("MixWidest", -10, 10, ""),
      Mix("MixOfOneNumber", 0.5, 0.5, ""),
      Mix("MixLowBelow", -10.5, 1, "search.mix[0]: expected -10 to 10"),
      Mix("MixHighAbove", 0, 10.5, "search.mix[1]: expected -10 to 10"),
      Mix("MixNan", kNan, 1, "search.mix[0]: expected -10 to 10"),
      Mix("MixTurned", 1, 0,
          "search.mix: expected the lower end first; got [1, 0]"),
      Window("WindowBelow", 0, "schedule.window: expected 1 to 4096; got 0"),
      Window("WindowLeast", 1, ""),
      Window("WindowMost", 4096, ""),
      Window("WindowAbove", 4097, "schedule.window: expected 1 to 4096"),
      Budget("BudgetBelow", -1,
             "budget.evaluations: expected 0 to 1000000000; got -1"),
      Budget("BudgetLeast", 0, ""),
      Budget("BudgetMost", 1000000000, ""),
      Budget("BudgetAbove", 1000000001, "budget.evaluations: expected"),
      Weight("WeightBelow", 0, "tasks[1].weight: expected 1 to 1000; got 0"),
      Weight("WeightMost", 1000, ""),
      Weight("WeightAbove", 1001, "tasks[1].weight: expected 1 to 1000"),
      ChunkSize("ChunkSizeBelow", -1,
                "tasks[0].chunk_size: expected 0 to 1048576; got -1"),
      ChunkSize("ChunkSizeMost", 1048576, ""),
      ChunkSize("ChunkSizeAbove", 1048577, "tasks[0].chunk_size: expected"),
      Seeds("SeedsNone", 0, "seeds: expected 1 to 64 entries; got 0"),
      Seeds("SeedsMost", 64, ""),
      Seeds("SeedsAbove", 65, "seeds: expected 1 to 64 entries; got 65"),
      Scale("ScaleZero", 0, "tasks[0].search.scale: expected"),
      Scale("ScaleNan", kNan, "tasks[0].search.scale: expected"),
      Scale("ScaleInfinite", kInfinity,
            "tasks[0].search.scale: expected a finite number; got inf"),
      Scale("ScaleLargestFloat", -0x1.fffffep127, ""),
      Scale("ScaleBeyondAFloat", 1e40,
            "tasks[0].search.scale: expected a number other than 0 in a "
            "float's range, at most 3.4e38; got 1e+40"),
  };
}

std::vector<Row> NamesAndChoices() {
  return {
      Name("NameMissing", "", "name: is missing"),
      Name("NameLongest", std::string(63, 'x'), ""),
      Name("NameTooLong", std::string(64, 'x'), "name: expected"),
      Name("NameWithEveryCharacter", "aZ09._-", ""),
      Name("NameWithASlash", "a/b", "name: expected 1 to 63 letters, digits"),
      Name("NameWithASpace", "a b", "name: expected"),
      Name("NameWithANul", std::string("a\0b", 3), "name: expected"),
      Name("NameOfAParent", "..",
           "name: expected 1 to 63 letters, digits, dots, underscores or "
           "hyphens, and not dots alone; got \"..\""),
      Name("NameNotAscii", "ä", "name: expected"),
      {"DescriptionLongest",
       [](auto& s) { s.set_description(std::string(4096, 'x')); }, ""},
      {"DescriptionTooLong",
       [](auto& s) { s.set_description(std::string(4097, 'x')); },
       "description: expected at most 4096 bytes; got 4097"},
      {"SeedNameTwice", [](auto& s) { s.mutable_seeds(1)->set_name("a"); },
       "seeds[1].name: expected a name of its own; got \"a\""},
      {"TaskNameTwice", [](auto& s) { s.mutable_tasks(1)->set_name("digits"); },
       "tasks[1].name: expected a name of its own; got \"digits\""},
      {"SeedNameBad", [](auto& s) { s.mutable_seeds(1)->set_name("a/b"); },
       "seeds[1].name: expected 1 to 63 letters"},
      {"FamilyUnknown", [](auto& s) { s.mutable_model()->set_family("llama"); },
       "model.family: expected mlp or language_model; got \"llama\""},
      {"DtypeUnknown",
       [](auto& s) { s.mutable_model()->set_weights_dtype("F32"); },
       "model.weights_dtype: expected float32 or bfloat16 or float16"},
      {"DtypeKnown",
       [](auto& s) { s.mutable_model()->set_weights_dtype("float16"); }, ""},
      {"KindUnknown", [](auto& s) { s.mutable_tasks(0)->set_kind("qa"); },
       "tasks[0].kind: expected classification"},
      {"ModeAsync", [](auto& s) { s.mutable_schedule()->set_mode("async"); },
       ""},
      {"ModeUnknown", [](auto& s) { s.mutable_schedule()->set_mode("lazy"); },
       "schedule.mode: expected ordered or async; got \"lazy\""},
      {"ShardsNone", [](auto& s) { s.mutable_schedule()->set_shards(0); },
       "schedule.shards: expected 1 to 1024; got 0"},
      {"MethodUnknown", [](auto& s) { s.mutable_search()->set_method("x"); },
       "search.method: expected m2n2 or ga"},
      {"GaWithAlpha", [](auto& s) { s.mutable_search()->set_method("ga"); },
       "search.alpha: expected 0 with the method ga; got 1"},
      {"ModelMissing", [](auto& s) { s.clear_model(); }, "model: is missing"},
      {"SearchMissing", [](auto& s) { s.clear_search(); },
       "search: is missing"},
      {"BudgetMissing", [](auto& s) { s.clear_budget(); },
       "budget: is missing"},
      {"DatasetMissing", [](auto& s) { s.mutable_tasks(1)->clear_search(); },
       "tasks[1].search: is missing"},
      {"HoldoutMissing", [](auto& s) { s.mutable_tasks(1)->clear_holdout(); },
       ""},
      {"HubSource",
       [](auto& s) { s.mutable_seeds(0)->set_path("hf:org/name"); },
       "seeds[0].path: hf: sources are not supported yet"},
      {"PathWithANewline",
       [](auto& s) { s.mutable_seeds(0)->set_path("a\nb"); },
       "seeds[0].path: expected a path without control characters"},
  };
}

std::vector<Row> Resolved() {
  const auto clear_tensors = [](auto& s) {
    s.mutable_model()->clear_tensors();
  };
  return {
      Rows("RowsEmpty", 10, 10, 0, "tasks[1].holdout.rows: expected the row"),
      Rows("RowsOne", 10, 11, 1, ""),
      Rows("RowsToTheEnd", 10, 0, 5, ""),
      Rows("RowsNegative", -1, 10, 11,
           "tasks[1].holdout.rows[0]: expected at "
           "least 0; got -1"),
      Rows("RowsNotCounted", 10, 0, 0, "tasks[1].holdout.rows: expected 1 to"),
      Rows("RowsMiscounted", 10, 20, 9,
           "tasks[1].holdout.rows: expected 10, as asked for; got 9"),
      {"TensorsMissing", clear_tensors, "model.tensors: expected 1 to 65536"},
      Tensor("ScalarTensor", {}, ""),
      Tensor("EmptyTensor", {4, 0}, "model.tensors[2].shape: expected extents"),
      Tensor("NegativeTensor", {-1}, "model.tensors[2].shape: expected"),
      Tensor("LargestTensor", {int64_t{1} << 31, int64_t{1} << 31}, ""),
      Tensor("OverflowingTensor", {int64_t{1} << 32, int64_t{1} << 31},
             "model.tensors[2].shape: expected extents"),
      Tensor("OverflowingTotal", {std::numeric_limits<int64_t>::max()},
             "model.tensors[2].shape: expected fewer than 2^63"),
      Tensor("NineAxes", std::vector<int64_t>(9, 1),
             "model.tensors[2].shape: expected at most 8 axes; got 9"),
      {"TensorTwice",
       [](auto& s) {
         *s.mutable_model()->add_tensors() = s.model().tensors(0);
       },
       "model.tensors[2].name: expected a name of its own"},
      {"SeedDigestShort",
       [](auto& s) { s.mutable_seeds(1)->set_digest(std::string(31, 'x')); },
       "seeds[1].digest: expected 32 bytes"},
      {"DataDigestMissing",
       [](auto& s) { s.mutable_tasks(0)->mutable_search()->clear_digest(); },
       "tasks[0].search.digest: expected 32 bytes"},
      {"PathAboveTheRoot",
       [](auto& s) { s.mutable_seeds(0)->set_path("a/../../b"); },
       "seeds[0].path: expected an absolute path, or one below"},
  };
}

class ValidateSpecTest : public ::testing::TestWithParam<Row> {};

TEST_P(ValidateSpecTest, NamesTheFieldThatIsWrong) {
  v1::CampaignSpec spec = Spec();
  GetParam().edit(spec);
  const absl::Status status = ValidateSpec(spec, {.require_resolved = true});
  if (GetParam().message.empty()) {
    EXPECT_TRUE(status.ok()) << status;
  } else {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), StartsWith(GetParam().message));
  }
}

constexpr auto kRowName = [](const auto& row) { return row.param.name; };

INSTANTIATE_TEST_SUITE_P(Limits, ValidateSpecTest,
                         ::testing::ValuesIn(Limits()), kRowName);
INSTANTIATE_TEST_SUITE_P(NamesAndChoices, ValidateSpecTest,
                         ::testing::ValuesIn(NamesAndChoices()), kRowName);
INSTANTIATE_TEST_SUITE_P(Resolved, ValidateSpecTest,
                         ::testing::ValuesIn(Resolved()), kRowName);

TEST(ValidateSpec, AsksForResolvedFieldsOnlyWhereTold) {
  v1::CampaignSpec spec = Spec();
  spec.mutable_model()->clear_tensors();
  EXPECT_TRUE(ValidateSpec(spec).ok());
  EXPECT_FALSE(ValidateSpec(spec, {.require_resolved = true}).ok());
}

}  // namespace
}  // namespace merganser
