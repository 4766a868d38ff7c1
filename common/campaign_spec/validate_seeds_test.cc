#include "common/campaign_spec/validate_seeds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "common/base/digest.h"
#include "common/campaign_spec/campaign_file.h"
#include "common/campaign_spec/validate.h"

namespace merganser {
namespace {

using ::testing::StartsWith;

constexpr char kFiles[] = R"(name: digits
model: {family: mlp}
seeds:
  - {name: a, path: a.safetensors}
  - {name: b, path: b.safetensors}
tasks:
  - {name: digits, kind: classification, search: {file: digits.csv}}
budget: {evaluations: 10}
)";

constexpr char kRandom[] = R"(name: digits
model: {family: mlp, layers: [2, 3], init_sigma: 0.01}
seeds:
  - {name: a, random: true}
  - {name: b, random: true}
tasks:
  - {name: digits, kind: classification, search: {file: digits.csv}}
search: {mutation_sigma: 0.01}
budget: {evaluations: 10}
random_seed: 7
)";

// By Python's struct and hashlib, from docs/formats.md: tensors of 6 and of 3
// elements, sigma 0.01, random seed 7, sequence numbers -2 and -1.
constexpr const char* kDigests[] = {
    "9cde6acd5e3b7a2c0fe406fb6aee5a1c566cc13ecae030976a70f1abc2a2a57f",
    "a4f621527770483f30baa8f0936cfecee4ba81cb33cb9aedaf995ac408a713a5"};

// As the client resolves kRandom.
v1::CampaignSpec ResolvedRandomSpec() {
  v1::CampaignSpec spec = ParseCampaign(kRandom, "x.yaml").value();
  v1::TensorSpec& weight = *spec.mutable_model()->add_tensors();
  weight.set_name("layers.0.weight");
  weight.add_shape(2);
  weight.add_shape(3);
  v1::TensorSpec& bias = *spec.mutable_model()->add_tensors();
  bias.set_name("layers.0.bias");
  bias.add_shape(3);
  for (int i = 0; i < 2; ++i) {
    spec.mutable_seeds(i)->set_digest(Digest::FromHex(kDigests[i])->ToBytes());
  }
  v1::DatasetSpec& dataset = *spec.mutable_tasks(0)->mutable_search();
  dataset.set_digest(std::string(32, 'd'));
  dataset.set_rows(100);
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

void ExpectMessage(const absl::Status& status, const std::string& message) {
  if (message.empty()) {
    EXPECT_TRUE(status.ok()) << status;
    return;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), StartsWith(message));
}

Row Layers(const std::string& name, const std::vector<int64_t>& layers,
           const std::string& message) {
  return {name,
          [=](auto& s) {
            s.mutable_model()->mutable_layers()->Assign(layers.begin(),
                                                        layers.end());
          },
          message};
}

Row InitSigma(const std::string& name, double sigma,
              const std::string& message) {
  return {name, [=](auto& s) { s.mutable_model()->set_init_sigma(sigma); },
          message};
}

Row MutationSigma(const std::string& name, double sigma,
                  const std::string& message) {
  return {name, [=](auto& s) { s.mutable_search()->set_mutation_sigma(sigma); },
          message};
}

Row Path(const std::string& name, const std::string& path,
         const std::string& message) {
  return {name, [=](auto& s) { s.mutable_seeds(1)->set_path(path); }, message};
}

Row Random(const std::string& name, bool random, const std::string& message) {
  return {name, [=](auto& s) { s.mutable_seeds(1)->set_random(random); },
          message};
}

class FileSeeds : public ::testing::TestWithParam<Row> {};

TEST_P(FileSeeds, HaveNothingOfRandomOnes) {
  v1::CampaignSpec spec = ParseCampaign(kFiles, "x.yaml").value();
  GetParam().edit(spec);
  ExpectMessage(ValidateSpec(spec), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, FileSeeds,
    ::testing::Values(
        Path("PathGiven", "c.safetensors", ""),
        Path("PathMissing", "",
             "seeds[1].path: is missing; expected a safetensors file, relative "
             "to the campaign file, or random: true instead"),
        Random("OneRandomSeed", true,
               "seeds[1].random: expected false, as for the other seeds; got "
               "true"),
        Layers("Layers", {2, 3},
               "model.layers: expected none with seeds from files, which have "
               "layers of their own; got 2 entries"),
        InitSigma("InitSigma", 0.1,
                  "model.init_sigma: expected 0 with seeds from files; only "
                  "random seeds use it; got 0.1"),
        MutationSigma("MutationSigma", 0.01,
                      "search.mutation_sigma: expected 0 with seeds from "
                      "files; only random seeds use it; got 0.01")),
    [](const auto& row) { return row.param.name; });

class RandomSeeds : public ::testing::TestWithParam<Row> {};

TEST_P(RandomSeeds, NeedLayersAndASigmaAndNoPath) {
  v1::CampaignSpec spec = ParseCampaign(kRandom, "x.yaml").value();
  GetParam().edit(spec);
  ExpectMessage(ValidateSpec(spec), GetParam().message);
}

constexpr int64_t kWidest = 1048576;

INSTANTIATE_TEST_SUITE_P(
    Rows, RandomSeeds,
    ::testing::Values(
        Row{"Unchanged", [](auto&) {}, ""},
        Row{"Licence", [](auto& s) { s.mutable_seeds(0)->set_licence("MIT"); },
            ""},
        Random("OneFileSeed", false,
               "seeds[1].random: expected true, as for the other seeds; got "
               "false"),
        Path("Path", "b.safetensors",
             "seeds[1].path: expected none of a random seed; got "
             "\"b.safetensors\""),
        Layers("LayersMissing", {},
               "model.layers: is missing; expected features, hidden units of "
               "each layer, classes, which random seeds need"),
        Layers("LayersTooFew", {2},
               "model.layers: expected 2 to 64 entries; got 1"),
        Layers("LayersMost", std::vector<int64_t>(64, 1), ""),
        Layers("LayersTooMany", std::vector<int64_t>(65, 1),
               "model.layers: expected 2 to 64 entries; got 65"),
        Layers("LayerOfNothing", {2, 0},
               "model.layers[1]: expected 1 to 1048576; got 0"),
        Layers("LayerOfOne", {2, 1}, ""),
        Layers("LayerWidest", {1, kWidest}, ""),
        Layers("LayerTooWide", {1, kWidest + 1},
               "model.layers[1]: expected 1 to 1048576; got 1048577"),
        // (2047 + 1) * 2^20 = 2^31
        Layers("ParametersMost", {2047, kWidest}, ""),
        // (65534 + 1) * 32768 + (32768 + 1) * 1 = 2^31 + 1
        Layers("ParametersAbove", {65534, 32768, 1},
               "model.layers: expected at most 2147483648 parameters in all; "
               "got 2147483649"),
        InitSigma("InitSigmaZero", 0,
                  "model.init_sigma: is missing, or 0; expected a number above "
                  "0, which random seeds need"),
        InitSigma("InitSigmaLeast", 1e-9, ""),
        InitSigma("InitSigmaMost", 100, ""),
        InitSigma("InitSigmaAbove", 100.5,
                  "model.init_sigma: expected 0 to 100; got 100.5"),
        InitSigma("InitSigmaNegative", -1,
                  "model.init_sigma: expected 0 to 100; got -1"),
        InitSigma("InitSigmaNan", std::numeric_limits<double>::quiet_NaN(),
                  "model.init_sigma: expected 0 to 100; got nan"),
        MutationSigma("MutationSigmaNegative", -0.001,
                      "search.mutation_sigma: expected 0 to 100; got -0.001"),
        MutationSigma("MutationSigmaZero", 0, ""),
        MutationSigma("MutationSigmaMost", 100, ""),
        MutationSigma("MutationSigmaAbove", 100.5,
                      "search.mutation_sigma: expected 0 to 100; got 100.5")),
    [](const auto& row) { return row.param.name; });

class ResolvedRandomSeeds : public ::testing::TestWithParam<Row> {};

TEST_P(ResolvedRandomSeeds, MustFollowFromTheRestOfTheSpec) {
  v1::CampaignSpec spec = ResolvedRandomSpec();
  GetParam().edit(spec);
  ExpectMessage(ValidateSpec(spec, {.require_resolved = true}),
                GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ResolvedRandomSeeds,
    ::testing::Values(
        Row{"Unchanged", [](auto&) {}, ""},
        Row{"Name", [](auto& s) { s.mutable_seeds(0)->set_name("c"); }, ""},
        Row{"MutationSigma",
            [](auto& s) { s.mutable_search()->set_mutation_sigma(0); }, ""},
        Row{"TensorsMissing",
            [](auto& s) { s.mutable_model()->clear_tensors(); },
            "model.tensors: expected 1 to 65536 tensors"},
        Row{"TensorOfAnotherShape",
            [](auto& s) {
              s.mutable_model()->mutable_tensors(0)->set_shape(0, 3);
            },
            "model.tensors: layers.0.weight has shape [3, 3]; model.layers has "
            "[2, 3]"},
        Row{"TensorOfAnotherName",
            [](auto& s) {
              s.mutable_model()->mutable_tensors(0)->set_name(
                  "layers.1.weight");
            },
            "model.tensors: has tensor layers.1.weight; model.layers has "
            "layers.0.weight in its place"},
        Row{"TensorTooFew",
            [](auto& s) { s.mutable_model()->mutable_tensors()->RemoveLast(); },
            "model.tensors: has no tensor layers.0.bias; model.layers has one"},
        Row{"TensorTooMany",
            [](auto& s) {
              s.mutable_model()->add_tensors()->set_name("layers.1.bias");
            },
            "model.tensors: has tensor layers.1.bias; model.layers has none of "
            "that name"},
        Row{"DigestMissing",
            [](auto& s) { s.mutable_seeds(1)->clear_digest(); },
            "seeds[1].digest: expected 32 bytes, which the client fills in; "
            "got 0"},
        Row{"DigestsExchanged",
            [](auto& s) {
              s.mutable_seeds(0)->set_name("c");
              s.mutable_seeds()->SwapElements(0, 1);
            },
            std::string("seeds[0].digest: expected ") + kDigests[0] +
                ", that of model.layers, model.init_sigma and random_seed; "
                "got " +
                kDigests[1]},
        Row{"DigestOfAnotherSigma",
            [](auto& s) { s.mutable_model()->set_init_sigma(0.02); },
            "seeds[0].digest: expected "},
        Row{"DigestOfAnotherRandomSeed", [](auto& s) { s.set_random_seed(8); },
            "seeds[0].digest: expected "},
        // It gives the others other sequence numbers.
        Row{"DigestsOfAnotherNumberOfSeeds",
            [](auto& s) {
              *s.add_seeds() = s.seeds(1);
              s.mutable_seeds(2)->set_name("c");
            },
            "seeds[0].digest: expected "}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace merganser
