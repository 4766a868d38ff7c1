#include "common/campaign_spec/campaign_plan.h"

#include <gtest/gtest.h>

#include <string>

namespace merganser {
namespace {

void AddTensor(v1::ModelSpec& model, const std::string& name, int64_t length) {
  v1::TensorSpec& tensor = *model.add_tensors();
  tensor.set_name(name);
  tensor.add_shape(length);
}

// Resolved; with two seeds.
v1::CampaignSpec Spec(bool random) {
  v1::CampaignSpec spec;
  AddTensor(*spec.mutable_model(), "a", 6);
  AddTensor(*spec.mutable_model(), "b", 3);
  for (int i = 0; i < 2; ++i) {
    spec.add_seeds()->set_random(random);
    spec.mutable_seeds(i)->set_digest(std::string(32, 's'));
  }
  spec.add_tasks()->mutable_search()->set_rows(10);
  spec.mutable_search()->set_method("m2n2");
  spec.mutable_search()->set_population(4);
  spec.mutable_search()->set_alpha(1);
  return spec;
}

TEST(CampaignPlan, SeedsFromFilesMeanRecipes) {
  const v1::CampaignSpec spec = Spec(/*random=*/false);
  EXPECT_FALSE(KeepsWeights(spec));
  const auto options = MakeScheduleOptions(spec);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->genomes, GenomeKind::kRecipes);
  EXPECT_EQ(options->mutation_sigma, 0);
}

TEST(CampaignPlan, RandomSeedsMeanWeights) {
  v1::CampaignSpec spec = Spec(/*random=*/true);
  spec.mutable_search()->set_mutation_sigma(0.25);
  EXPECT_TRUE(KeepsWeights(spec));
  const auto options = MakeScheduleOptions(spec);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->genomes, GenomeKind::kWeights);
  EXPECT_EQ(options->mutation_sigma, 0.25);
  ASSERT_EQ(options->layout.chromosomes.size(), 1u);
  EXPECT_EQ(options->layout.chromosomes[0].length, 9);
}

TEST(CampaignPlan, NoSeedsKeepNoWeights) {
  EXPECT_FALSE(KeepsWeights(v1::CampaignSpec()));
}

TEST(CampaignPlan, WeightsAreFloat32UnlessTheSpecSaysOtherwise) {
  v1::CampaignSpec spec = Spec(/*random=*/true);
  EXPECT_EQ(WeightsDTypeOf(spec).value(), DType::kF32);
  spec.mutable_model()->set_weights_dtype("float32");
  EXPECT_EQ(WeightsDTypeOf(spec).value(), DType::kF32);
  spec.mutable_model()->set_weights_dtype("bfloat16");
  EXPECT_EQ(WeightsDTypeOf(spec).value(), DType::kBF16);
  spec.mutable_model()->set_weights_dtype("float16");
  EXPECT_EQ(WeightsDTypeOf(spec).value(), DType::kF16);
  spec.mutable_model()->set_weights_dtype("F32");
  EXPECT_EQ(std::string(WeightsDTypeOf(spec).status().message()),
            "model.weights_dtype: \"F32\"; expected float32, bfloat16 or "
            "float16");
}

// By Python's struct and hashlib, from docs/formats.md: tensors of 6 and of 3
// elements, sigma 0.01, random seed 7, sequence numbers -2 and -1.
TEST(CampaignPlan, RandomSeedsAreNumberedAsCandidates) {
  v1::CampaignSpec spec = Spec(/*random=*/true);
  spec.mutable_model()->set_init_sigma(0.01);
  spec.set_random_seed(7);
  const ParameterLayout layout = LayoutOfModel(spec.model()).value();
  EXPECT_EQ(RandomSeedDigestOf(spec, layout, 0).ToHex(),
            "9cde6acd5e3b7a2c0fe406fb6aee5a1c566cc13ecae030976a70f1abc2a2a57f");
  EXPECT_EQ(RandomSeedDigestOf(spec, layout, 1).ToHex(),
            "a4f621527770483f30baa8f0936cfecee4ba81cb33cb9aedaf995ac408a713a5");
}

TEST(CampaignPlan, AModelWithoutTensorsHasNoLayout) {
  EXPECT_EQ(std::string(LayoutOfModel(v1::ModelSpec()).status().message()),
            "model.tensors: expected the seeds' tensors; the client fills them "
            "in");
}

TEST(CampaignPlan, ATensorThatIsNoneIsNamed) {
  v1::ModelSpec model;
  AddTensor(model, "a", 6);
  AddTensor(model, "b", 0);
  EXPECT_EQ(std::string(LayoutOfModel(model).status().message()),
            "model.tensors: b has shape [0]; expected extents of at least 1, "
            "and fewer than 2^63 elements in all");
}

}  // namespace
}  // namespace merganser
