#include "common/genome/contributions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace merganser {
namespace {

using testing::ElementsAre;

// Tensors of 4, 2, 2 and 8 elements; the first three are one layer.
GenomeLayout Layout() {
  ParameterLayout parameters;
  for (const auto& [name, elements] :
       {std::pair("h.0.a", 4), {"h.0.b", 2}, {"h.0.c", 2}, {"head", 8}}) {
    parameters.tensors.push_back(
        {name, {elements}, parameters.length, elements});
    parameters.length += elements;
  }
  return SingleChromosome(parameters);
}

// Expected values: by hand.
TEST(ContributionsTest, WeighsSegmentsByTheirElements) {
  // Elements 0-4: (1, 0); 5-11: (-1, 3); 12-15: (0, 0).
  const LinearRecipe recipe{.seeds = 2,
                            .chromosomes = {{{0, 5, 12}, {1, 0, -1, 3, 0, 0}}}};
  const Contributions result = ContributionsOf(recipe, Layout());
  // 5 * 1 + 7 * 1 = 12 and 7 * 3 = 21 of 33.
  EXPECT_THAT(result.overall, ElementsAre(12.0 / 33, 21.0 / 33));
  ASSERT_EQ(result.tensors.size(), 4u);
  EXPECT_THAT(result.tensors[0].shares, ElementsAre(1, 0));
  EXPECT_THAT(result.tensors[1].shares, ElementsAre(2.0 / 5, 3.0 / 5));
  EXPECT_THAT(result.tensors[2].shares, ElementsAre(0.25, 0.75));
  EXPECT_THAT(result.tensors[3].shares, ElementsAre(0.25, 0.75));
  ASSERT_EQ(result.layers.size(), 2u);
  EXPECT_EQ(result.layers[0].name, "h.0");
  // 5 + 3 = 8 and 3 * 3 = 9 of 17.
  EXPECT_THAT(result.layers[0].shares, ElementsAre(8.0 / 17, 9.0 / 17));
  EXPECT_EQ(result.layers[1].name, "head");
}

TEST(ContributionsTest, AllZeroCoefficientsGiveNoShares) {
  const LinearRecipe recipe{.seeds = 2, .chromosomes = {{{0}, {0, -0.0}}}};
  EXPECT_THAT(ContributionsOf(recipe, Layout()).overall, ElementsAre(0, 0));
}

}  // namespace
}  // namespace merganser
