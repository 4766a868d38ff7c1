#include "common/genome/crossover.h"

#include <algorithm>
#include <cassert>

namespace merganser {

std::vector<double> SquaredNorms(const GramSums& gram, const LinearRecipe& a) {
  std::vector<double> norms;
  for (size_t c = 0; c < gram.chromosomes().size(); ++c) {
    norms.push_back(gram.InnerProduct(static_cast<int>(c), a, a));
  }
  return norms;
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
    const GramSums::Chromosome& chromosome = chromosomes[c];
    const double ab =
        gram.InnerProduct(static_cast<int>(c), a.recipe, b.recipe);
    const SlerpPair sides = SlerpBothSides(
        a.squared_norms[c], b.squared_norms[c], ab, draw.mixes[c]);
    const int64_t split =
        std::min(draw.split_blocks[c] * chromosome.block, chromosome.length);
    crossovers.push_back({split, chromosome.length, sides.before, sides.after});
  }
  return crossovers;
}

}  // namespace merganser
