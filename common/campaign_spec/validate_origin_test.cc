#include "common/campaign_spec/validate_origin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/campaign_spec/campaign_file.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/validate.h"

namespace merganser {
namespace {

constexpr char kFile[] = R"(name: digits
model:
  family: mlp
  base: {name: base, path: base.safetensors, licence: MIT}
  chromosomes:
    - {name: first, tensors: ["layers.0.*", layers.1.bias]}
    - {name: rest, tensors: ["*"]}
seeds:
  - {name: a, path: a.safetensors}
  - {name: b, path: b.safetensors}
tasks:
  - {name: digits, kind: classification, search: {file: digits.csv}}
search: {origin: base, coefficient_mutation: 0.1}
budget: {evaluations: 10}
)";

constexpr char kRandom[] = R"(name: digits
model: {family: mlp, layers: [2, 3], init_sigma: 0.01}
seeds:
  - {name: a, random: true}
tasks:
  - {name: digits, kind: classification, search: {file: digits.csv}}
budget: {evaluations: 10}
)";

TEST(ValidateOriginTest, TakesAllOfItTogether) {
  const v1::CampaignSpec spec = ParseCampaign(kFile, "x.yaml").value();
  EXPECT_EQ(ValidateSpec(spec), absl::OkStatus());
  EXPECT_TRUE(HasBaseOrigin(spec));
  EXPECT_EQ(RecipeSeedNames(spec),
            (std::vector<std::string>{"a", "b", "base"}));
  EXPECT_EQ(spec.search().coefficient_mutation(), 0.1);
  EXPECT_EQ(spec.model().base().licence(), "MIT");
  ASSERT_EQ(spec.model().chromosomes_size(), 2);
  EXPECT_EQ(spec.model().chromosomes(0).tensors(0), "layers.0.*");
  EXPECT_EQ(spec.model().chromosomes(0).tensors(1), "layers.1.bias");
}

TEST(ValidateOriginTest, TakesNoiseOnCoefficientsWithAnyMethodAndOrigin) {
  for (const char* setting :
       {"search.method=ga", "search.crossover=false", "search.origin=base"}) {
    EXPECT_TRUE(
        ValidateSpec(ParseCampaign(kFile, "x.yaml", {setting}).value()).ok());
  }
}

TEST(ValidateOriginTest, TakesABaseFromTheHubWithLanguageModels) {
  v1::CampaignSpec spec = ParseCampaign(kFile, "x.yaml").value();
  spec.mutable_model()->mutable_base()->clear_path();
  spec.mutable_model()->mutable_base()->set_hf("org/model@main");
  spec.mutable_model()->set_family("language_model");
  EXPECT_EQ(ValidateOrigin(spec), absl::OkStatus());
  spec.mutable_model()->mutable_base()->set_path("folder");
  EXPECT_EQ(std::string(ValidateOrigin(spec).message()),
            "model.base.hf: expected either path or hf; got both");
}

TEST(ValidateOriginTest, IsWrittenAndReadBackTheSame) {
  const v1::CampaignSpec spec = ParseCampaign(kFile, "x.yaml").value();
  const v1::CampaignSpec back =
      ParseCampaign(SpecToYaml(spec), "y.yaml").value();
  EXPECT_EQ(back.SerializeAsString(), spec.SerializeAsString());
}

TEST(ValidateOriginTest, WithoutAnyOfItTheOriginIsZero) {
  const v1::CampaignSpec spec = ParseCampaign(kRandom, "x.yaml").value();
  EXPECT_FALSE(HasBaseOrigin(spec));
  EXPECT_EQ(spec.search().coefficient_mutation(), 0);
  EXPECT_EQ(ValidateSpec(spec), absl::OkStatus());
}

struct BadSetting {
  const char* name;
  const char* file;
  const char* setting;
  const char* error;
};

void PrintTo(const BadSetting& bad, std::ostream* stream) {
  *stream << bad.name;
}

class BadSettingTest : public testing::TestWithParam<BadSetting> {};

TEST_P(BadSettingTest, IsRefusedNamingTheField) {
  const auto& [name, file, setting, error] = GetParam();
  const auto spec = ParseCampaign(file, "x.yaml", {setting});
  const absl::Status status = spec.ok() ? ValidateSpec(*spec) : spec.status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const std::string prefix =
      spec.ok() ? "" : absl::StrCat("--set ", setting, ": ");
  EXPECT_EQ(std::string(status.message()), absl::StrCat(prefix, error));
}

INSTANTIATE_TEST_SUITE_P(
    Settings, BadSettingTest,
    testing::Values(
        BadSetting{"BaseWithoutOrigin", kFile, "search.origin=zero",
                   "model.base: expected none unless search.origin is base"},
        BadSetting{"OriginWithoutBase", kFile, "model.base=",
                   "model.base: is missing; search.origin: base needs the "
                   "model that the seeds are differences from"},
        BadSetting{"UnknownOrigin", kFile, "search.origin=mean",
                   "search.origin: expected zero or base; got \"mean\""},
        BadSetting{"BaseWithoutPath", kFile, "model.base.path=''",
                   "model.base.path: is missing; expected a model as the seeds "
                   "are"},
        BadSetting{"BaseOfAHub", kFile,
                   "model.base={name: base, hf: org/model}",
                   "model.base.hf: expected none but of language models"},
        BadSetting{"RandomBase", kFile, "model.base.random=true",
                   "model.base.random: expected false; got true"},
        BadSetting{"BaseNamedAsASeed", kFile, "model.base.name=b",
                   "model.base.name: expected a name of its own; got \"b\", as "
                   "seeds[1]"},
        BadSetting{"TooMuchNoise", kFile, "search.coefficient_mutation=10.5",
                   "search.coefficient_mutation: expected 0 to 10; got 10.5"},
        BadSetting{"NegativeNoise", kFile, "search.coefficient_mutation=-0.1",
                   "search.coefficient_mutation: expected 0 to 10; got -0.1"},
        BadSetting{"SameChromosome", kFile, "model.chromosomes[1].name=first",
                   "model.chromosomes[1].name: expected a name of its own; got "
                   "\"first\" again"},
        BadSetting{"NoPattern", kFile, "model.chromosomes[1].tensors=[]",
                   "model.chromosomes[1].tensors: expected 1 to 256 entries; "
                   "got 0"},
        BadSetting{"EmptyPattern", kFile, "model.chromosomes[1].tensors=['']",
                   "model.chromosomes[1].tensors[0]: is missing; expected "
                   "patterns of tensor names: * any text, ? any character, "
                   "[ab] one of some"},
        BadSetting{"PatternThatIsAMap", kFile,
                   "model.chromosomes[1].tensors=[{a: b}]",
                   "model.chromosomes[1].tensors[0]: expected text; got a map"},
        BadSetting{"PatternsThatAreNoList", kFile,
                   "model.chromosomes[1].tensors=x",
                   "model.chromosomes[1].tensors: expected a list of texts; "
                   "got \"x\""},
        BadSetting{"RandomSeedsAndOrigin", kRandom, "search.origin=base",
                   "search.origin: is only for seeds from files; got random "
                   "seeds"},
        BadSetting{"RandomSeedsAndBase", kRandom,
                   "model.base={name: x, path: y}",
                   "model.base: is only for seeds from files; got random "
                   "seeds"},
        BadSetting{"RandomSeedsAndNoise", kRandom,
                   "search.coefficient_mutation=0.1",
                   "search.coefficient_mutation: is only for seeds from files; "
                   "got random seeds"},
        BadSetting{"RandomSeedsAndChromosomes", kRandom,
                   "model.chromosomes=[{name: x, tensors: ['*']}]",
                   "model.chromosomes: is only for seeds from files; got "
                   "random seeds"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace merganser
