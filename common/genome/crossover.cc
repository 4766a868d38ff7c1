#include "common/genome/crossover.h"

#include <algorithm>
#include <cassert>

namespace merganser {

std::vector<ChromosomeCrossover> CrossoverCoefficients(
    const GramSums& gram, const LinearRecipe& a, const LinearRecipe& b,
    const CrossoverDraw& draw) {
  const auto chromosomes = gram.chromosomes();
  assert(draw.split_blocks.size() == chromosomes.size() &&
         draw.mixes.size() == chromosomes.size());
  std::vector<ChromosomeCrossover> crossovers;
  for (size_t c = 0; c < chromosomes.size(); ++c) {
    const GramSums::Chromosome& chromosome = chromosomes[c];
    const auto index = static_cast<int>(c);
    const double aa = gram.InnerProduct(index, a, a);
    const double bb = gram.InnerProduct(index, b, b);
    const double ab = gram.InnerProduct(index, a, b);
    const double w = draw.mixes[c];
    const int64_t split =
        std::min(draw.split_blocks[c] * chromosome.block, chromosome.length);
    crossovers.push_back({split, chromosome.length, Slerp(aa, bb, ab, w),
                          Slerp(aa, bb, ab, 1 - w)});
  }
  return crossovers;
}

}  // namespace merganser
