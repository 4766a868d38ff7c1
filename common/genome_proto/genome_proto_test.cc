#include "common/genome_proto/genome_proto.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;

LinearRecipe TwoChromosomes() {
  return {2,
          {{{0, 5}, {0.1, -0.0, 1.0 / 3.0, 2e-308}},
           {{0}, {std::numeric_limits<double>::denorm_min(), 1.3}}}};
}

TEST(GenomeProtoTest, ARecipeComesBackFromItsBytesAsItWas) {
  v1::LinearRecipe proto;
  ASSERT_TRUE(proto.ParseFromString(
      RecipeToProto(TwoChromosomes()).SerializeAsString()));
  auto recipe = RecipeFromProto(proto);
  ASSERT_TRUE(recipe.ok()) << recipe.status();
  EXPECT_EQ(*recipe, TwoChromosomes());
}

TEST(GenomeProtoTest, ACoefficientTooFewIsNamed) {
  v1::LinearRecipe proto = RecipeToProto(TwoChromosomes());
  proto.mutable_chromosomes(1)->mutable_coefficients()->RemoveLast();
  const auto recipe = RecipeFromProto(proto);
  EXPECT_EQ(recipe.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(recipe.status().message()),
              HasSubstr("recipe.chromosomes[1].coefficients has 1 numbers"));
}

TEST(GenomeProtoTest, ARecipeWithoutSeedsIsRefused) {
  EXPECT_FALSE(RecipeFromProto(v1::LinearRecipe()).ok());
}

TEST(GenomeProtoTest, ADigestOfAnotherLengthIsRefusedByItsField) {
  EXPECT_TRUE(DigestFromProto(std::string(32, 'x'), "seeds[0].digest").ok());
  const auto digest = DigestFromProto(std::string(31, 'x'), "seeds[0].digest");
  EXPECT_EQ(digest.status().message(),
            "seeds[0].digest has 31 bytes; a digest has 32");
}

}  // namespace
}  // namespace merganser
