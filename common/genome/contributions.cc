#include "common/genome/contributions.h"

#include <algorithm>
#include <cmath>

namespace merganser {
namespace {

void AddTo(std::vector<double>& sums, const std::vector<double>& more) {
  for (size_t k = 0; k < sums.size(); ++k) sums[k] += more[k];
}

// Sums of |c_k| over elements begin … end-1 of a chromosome.
std::vector<double> SumsOver(const ChromosomeRecipe& recipe, int seeds,
                             int64_t begin, int64_t end) {
  std::vector<double> sums(seeds, 0.0);
  for (size_t s = 0; s < recipe.starts.size(); ++s) {
    const int64_t from = std::max(begin, recipe.starts[s]);
    const int64_t to = s + 1 < recipe.starts.size()
                           ? std::min(end, recipe.starts[s + 1])
                           : end;
    if (from >= to) continue;
    for (int k = 0; k < seeds; ++k) {
      sums[k] += static_cast<double>(to - from) *
                 std::abs(recipe.coefficients[s * seeds + k]);
    }
  }
  return sums;
}

std::vector<double> Shares(std::vector<double> sums) {
  double total = 0;
  for (const double sum : sums) total += sum;
  if (total > 0) {
    for (double& sum : sums) sum /= total;
  }
  return sums;
}

}  // namespace

Contributions ContributionsOf(const LinearRecipe& recipe,
                              const GenomeLayout& layout) {
  std::vector<double> overall(recipe.seeds, 0.0);
  Contributions result;
  for (size_t t = 0; t < layout.places.size(); ++t) {
    const TensorSlice& tensor = layout.parameters.tensors[t];
    const auto& [chromosome, offset] = layout.places[t];
    const std::vector<double> sums =
        SumsOver(recipe.chromosomes[chromosome], recipe.seeds, offset,
                 offset + tensor.elements);
    AddTo(overall, sums);
    result.tensors.push_back({tensor.name, Shares(sums)});
    const std::string layer = LayerOf(tensor.name);
    if (result.layers.empty() || result.layers.back().name != layer) {
      result.layers.push_back({layer, std::vector<double>(recipe.seeds, 0.0)});
    }
    AddTo(result.layers.back().shares, sums);
  }
  for (Contributions::Part& layer : result.layers) {
    layer.shares = Shares(std::move(layer.shares));
  }
  result.overall = Shares(std::move(overall));
  return result;
}

}  // namespace merganser
