#include "common/genome/crossover.h"

#include <cassert>

namespace merganser {

std::vector<double> SquaredNorms(const GramSums& gram, const LinearRecipe& a) {
  std::vector<double> norms;
  for (size_t c = 0; c < gram.chromosomes().size(); ++c) {
    norms.push_back(gram.InnerProduct(static_cast<int>(c), a, a));
  }
  return norms;
}

ChromosomeCrossover CrossoverOf(const ParentProducts& products,
                                const SplitGrid& grid, int64_t split_block,
                                double mix) {
  const SlerpAngle angle(products.aa, products.bb, products.ab);
  const SlerpCoefficients before = angle.At(mix);
  // Unless 1 - mix was rounded, the same two numbers come out again, swapped.
  const SlerpCoefficients after = 1 - (1 - mix) == mix
                                      ? SlerpCoefficients{before.b, before.a}
                                      : angle.At(1 - mix);
  return {grid.StartOf(split_block), grid.length, before, after};
}

std::vector<ChromosomeCrossover> CrossoverCoefficients(
    const GramSums& gram, const LinearRecipe& a, const LinearRecipe& b,
    const CrossoverDraw& draw) {
  return CrossoverCoefficients(gram, Parent{a, SquaredNorms(gram, a)},
                               Parent{b, SquaredNorms(gram, b)}, draw);
}

std::vector<ChromosomeCrossover> CrossoverCoefficients(
    const GramSums& gram, const Parent& a, const Parent& b,
    const CrossoverDraw& draw) {
  const auto chromosomes = gram.chromosomes();
  assert(draw.split_blocks.size() == chromosomes.size() &&
         draw.mixes.size() == chromosomes.size());
  std::vector<ChromosomeCrossover> crossovers;
  for (size_t c = 0; c < chromosomes.size(); ++c) {
    const double ab =
        gram.InnerProduct(static_cast<int>(c), a.recipe, b.recipe);
    crossovers.push_back(
        CrossoverOf({a.squared_norms[c], b.squared_norms[c], ab},
                    chromosomes[c], draw.split_blocks[c], draw.mixes[c]));
  }
  return crossovers;
}

}  // namespace merganser
