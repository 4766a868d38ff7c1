// From what was drawn for a child to the coefficients that make it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/genome/gram.h"
#include "common/genome/linear_recipe.h"

namespace merganser {

// What chance decides about a crossover; one entry per chromosome.
struct CrossoverDraw {
  // Block before which the split lies, 0 … blocks; `blocks`: there is no split,
  // everything lies before it.
  std::vector<int64_t> split_blocks;
  // w, the weight of parent B before the split; 1 - w after it.
  std::vector<double> mixes;
};

// Inner products of two parents over one whole chromosome.
struct ParentProducts {
  double aa = 0;
  double bb = 0;
  double ab = 0;
};

// The crossover of one chromosome.
ChromosomeCrossover CrossoverOf(const ParentProducts& products,
                                const SplitGrid& grid, int64_t split_block,
                                double mix);

// <A, A> per chromosome.
std::vector<double> SquaredNorms(const GramSums& gram, const LinearRecipe& a);

// A recipe and its SquaredNorms(), which its owner may keep.
struct Parent {
  const LinearRecipe& recipe;
  std::span<const double> squared_norms;
};

// The coefficients of A's and B's crossover: omega by the Gram sums over the
// whole chromosome. Feed them to Cross().
std::vector<ChromosomeCrossover> CrossoverCoefficients(
    const GramSums& gram, const Parent& a, const Parent& b,
    const CrossoverDraw& draw);
std::vector<ChromosomeCrossover> CrossoverCoefficients(
    const GramSums& gram, const LinearRecipe& a, const LinearRecipe& b,
    const CrossoverDraw& draw);

}  // namespace merganser
