#include "common/genome/gram.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/genome/block_products.h"

namespace merganser {
namespace {

size_t PairsOf(int seeds) {
  return static_cast<size_t>(seeds) * (seeds + 1) / 2;
}

// The place of pair (k, l) in a row of the prefix sums.
size_t PairIndex(int seeds, int k, int l) {
  const size_t low = std::min(k, l);
  const size_t high = std::max(k, l);
  return low * seeds - low * (low + 1) / 2 + high;
}

// All pairs in the order of a row of the prefix sums.
std::vector<VectorPair> AllPairs(int seeds) {
  std::vector<VectorPair> pairs;
  for (int k = 0; k < seeds; ++k) {
    for (int l = k; l < seeds; ++l) pairs.push_back({k, l});
  }
  return pairs;
}

GramSums::Chromosome SumChromosome(const GenomeLayout& layout, int index,
                                   std::span<const WeightTensors> seeds,
                                   WeightTensors base, ThreadTeam& team) {
  const ChromosomeLayout& chromosome = layout.chromosomes[index];
  const std::vector<VectorPair> pairs =
      AllPairs(static_cast<int>(seeds.size()));
  GramSums::Chromosome sums{chromosome, {}};
  sums.prefix.resize((chromosome.blocks + 1) * pairs.size(), 0.0);
  std::vector<BlockProducts> products(team.threads());
  // About as many elements per item, whatever the size of a block.
  const int64_t per_item =
      std::max<int64_t>(1, (int64_t{1} << 16) / chromosome.block);
  const int64_t items = (chromosome.blocks + per_item - 1) / per_item;
  team.Run(items, [&](int64_t item, int thread) {
    const int64_t last = std::min(chromosome.blocks, (item + 1) * per_item);
    for (int64_t block = item * per_item; block < last; ++block) {
      products[thread].Sum(layout, index, {seeds, base}, pairs,
                           chromosome.StartOf(block),
                           chromosome.StartOf(block + 1),
                           sums.prefix.data() + (block + 1) * pairs.size());
    }
  });
  for (size_t i = pairs.size(); i < sums.prefix.size(); ++i) {
    sums.prefix[i] += sums.prefix[i - pairs.size()];
  }
  return sums;
}

int64_t SegmentEnd(const ChromosomeRecipe& recipe, size_t segment,
                   int64_t length) {
  return segment + 1 < recipe.starts.size() ? recipe.starts[segment + 1]
                                            : length;
}

// Adds sum_kl a_k b_l G_kl to `total`; G = the row `to` less the row `from`.
void AddSegment(const double* a, const double* b, int seeds, const double* from,
                const double* to, double& total) {
  for (int k = 0; k < seeds; ++k) {
    double row = 0;
    for (int l = 0; l < seeds; ++l) {
      const size_t pair = PairIndex(seeds, k, l);
      row += b[l] * (to[pair] - from[pair]);
    }
    total += a[k] * row;
  }
}

}  // namespace

GramSums::GramSums(int seeds, std::vector<Chromosome> chromosomes)
    : seeds_(seeds), chromosomes_(std::move(chromosomes)) {}

GramSums GramSums::Create(const GenomeLayout& layout,
                          std::span<const SeedWeights* const> seeds,
                          const SeedWeights* base, ThreadTeam& team) {
  std::vector<WeightTensors> weights;
  for (const SeedWeights* seed : seeds) weights.push_back(seed->tensors());
  std::vector<Chromosome> chromosomes;
  for (size_t c = 0; c < layout.chromosomes.size(); ++c) {
    chromosomes.push_back(SumChromosome(
        layout, static_cast<int>(c), weights,
        base == nullptr ? WeightTensors() : base->tensors(), team));
  }
  return GramSums(static_cast<int>(seeds.size()), std::move(chromosomes));
}

int64_t GramSums::MemoryBytes() const {
  int64_t bytes = 0;
  for (const Chromosome& chromosome : chromosomes_) {
    bytes += static_cast<int64_t>(chromosome.prefix.size() * sizeof(double));
  }
  return bytes;
}

double GramSums::InnerProduct(int chromosome, const LinearRecipe& a,
                              const LinearRecipe& b) const {
  const Chromosome& sums = chromosomes_[chromosome];
  const ChromosomeRecipe& recipe_a = a.chromosomes[chromosome];
  const ChromosomeRecipe& recipe_b = b.chromosomes[chromosome];
  const size_t pairs = PairsOf(seeds_);
  size_t segment_a = 0;
  size_t segment_b = 0;
  double total = 0;
  int64_t begin = 0;
  while (begin < sums.length) {
    const int64_t end_a = SegmentEnd(recipe_a, segment_a, sums.length);
    const int64_t end_b = SegmentEnd(recipe_b, segment_b, sums.length);
    const int64_t end = std::min(end_a, end_b);
    AddSegment(recipe_a.coefficients.data() + segment_a * a.seeds,
               recipe_b.coefficients.data() + segment_b * b.seeds, seeds_,
               sums.prefix.data() + sums.BlockOf(begin) * pairs,
               sums.prefix.data() + sums.BlockOf(end) * pairs, total);
    segment_a += end_a == end ? 1 : 0;
    segment_b += end_b == end ? 1 : 0;
    begin = end;
  }
  return total;
}

absl::Status GramSums::CheckMatches(
    int seeds, std::span<const ChromosomeLayout> chromosomes) const {
  const auto check = [](const std::string& what, int64_t is, int64_t expected) {
    if (is == expected) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("Gram sums: ", what, " is ", is, "; expected ", expected));
  };
  RETURN_IF_ERROR(check("seeds", seeds_, seeds));
  RETURN_IF_ERROR(check("number of chromosomes",
                        static_cast<int64_t>(chromosomes_.size()),
                        static_cast<int64_t>(chromosomes.size())));
  for (size_t c = 0; c < chromosomes.size(); ++c) {
    const std::string name = absl::StrCat("chromosomes[", c, "].");
    RETURN_IF_ERROR(check(absl::StrCat(name, "length"), chromosomes_[c].length,
                          chromosomes[c].length));
    RETURN_IF_ERROR(check(absl::StrCat(name, "block"), chromosomes_[c].block,
                          chromosomes[c].block));
    if (chromosomes_[c].restarts != chromosomes[c].restarts) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Gram sums: ", name, "restarts are those of other layers"));
    }
  }
  return absl::OkStatus();
}

}  // namespace merganser
