// The keys of campaigns from scratch, and lists of integers, which only they
// have.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "absl/strings/str_replace.h"
#include "common/campaign_spec/campaign_file.h"
#include "common/campaign_spec/campaign_schema.h"

namespace merganser {
namespace {

using google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;

// Line numbers are part of the tests.
constexpr char kFromScratch[] = R"(name: scratch
model:
  family: mlp
  layers:
    - 64
    - 256
    - 10
  init_sigma: 0.01
seeds:
  - {name: a, random: true, licence: MIT}
  - {name: b, random: true}
tasks:
  - {name: digits, kind: classification, search: {file: digits.csv}}
search: {mutation_sigma: 0.02}
budget: {evaluations: 10}
)";

TEST(ScratchCampaignFile, ReadsEveryKey) {
  const auto spec = ParseCampaign(kFromScratch, "x.yaml");
  ASSERT_TRUE(spec.ok()) << spec.status();
  v1::CampaignSpec expected;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(
        name: "scratch"
        model {
          family: "mlp"
          layers: [ 64, 256, 10 ]
          init_sigma: 0.01
        }
        seeds { name: "a" random: true licence: "MIT" }
        seeds { name: "b" random: true }
        tasks {
          name: "digits"
          kind: "classification"
          weight: 1
          search { file: "digits.csv" scale: 1 }
        }
        search {
          method: "m2n2"
          population: 20
          alpha: 1
          attraction: true
          split_point: true
          crossover: true
          mix_low: 0
          mix_high: 1
          early_rejection: true
          mutation_sigma: 0.02
        }
        schedule { mode: "ordered" window: 32 shards: 1 }
        budget { evaluations: 10 }
      )pb",
      &expected));
  EXPECT_TRUE(MessageDifferencer::Equals(*spec, expected))
      << spec->DebugString();
}

TEST(ScratchCampaignFile, IsWrittenAsItIsRead) {
  const auto spec = ParseCampaign(kFromScratch, "x.yaml");
  ASSERT_TRUE(spec.ok()) << spec.status();
  const std::string written = SpecToYaml(*spec);
  EXPECT_THAT(written, HasSubstr("  layers: [64, 256, 10]\n"));
  const auto again = ParseCampaign(written, "again.yaml");
  ASSERT_TRUE(again.ok()) << again.status() << "\n" << written;
  EXPECT_TRUE(MessageDifferencer::Equals(*again, *spec)) << written;
}

TEST(ScratchCampaignFile, AnEmptyListIsNone) {
  const auto spec = ParseCampaign(kFromScratch, "x.yaml", {"model.layers=[]"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->model().layers_size(), 0);
}

TEST(ScratchCampaignFile, TheHelpTellsTheSizeOfAListAndTheRangeOfItsNumbers) {
  EXPECT_THAT(DescribeSchema(),
              HasSubstr("  model.layers: a list of integers, 2 to 64 entries "
                        "of 1 to 1048576; features, "));
  EXPECT_THAT(DescribeSchema(),
              HasSubstr("  seeds[i].random: true or false, default false; "));
}

struct BadLayers {
  const char* name;
  // Stands for the file's layers, from line 4 on.
  const char* layers;
  const char* message;
};

void PrintTo(const BadLayers& row, std::ostream* out) { *out << row.name; }

class BadScratchCampaignFile : public ::testing::TestWithParam<BadLayers> {};

TEST_P(BadScratchCampaignFile, IsRefusedWithLineAndKey) {
  const std::string text = absl::StrReplaceAll(
      kFromScratch, {{"\n    - 64\n    - 256\n    - 10\n", GetParam().layers}});
  const auto spec = ParseCampaign(text, "x.yaml");
  EXPECT_EQ(spec.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(spec.status().message()), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadScratchCampaignFile,
    ::testing::Values(
        BadLayers{"Number", " 64\n",
                  "x.yaml:4: model.layers: expected a list of integers; got "
                  "\"64\""},
        BadLayers{"Map", " {a: 1}\n",
                  "x.yaml:4: model.layers: expected a list of integers; got a "
                  "map"},
        BadLayers{"ListInAList", " [[1], 2]\n",
                  "x.yaml:4: model.layers[0]: expected an integer, 1 to "
                  "1048576; got a list"},
        BadLayers{"Fraction", " [1, 2.5]\n",
                  "x.yaml:4: model.layers[1]: expected an integer, 1 to "
                  "1048576; got \"2.5\""},
        BadLayers{"TextOnALineOfItsOwn", "\n    - 64\n    - wide\n",
                  "x.yaml:6: model.layers[1]: expected an integer, 1 to "
                  "1048576; got \"wide\""},
        BadLayers{"Zero", " [1, 0]\n",
                  "x.yaml:4: model.layers[1]: expected 1 to 1048576; got 0"},
        BadLayers{"TooFew", " [1]\n",
                  "x.yaml:4: model.layers: expected 2 to 64 entries; got 1"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace merganser
