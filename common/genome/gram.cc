#include "common/genome/gram.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/genome/vector_kernels.h"

namespace merganser {
namespace {

// Elements of each seed that are widened at a time; a multiple of the lanes.
constexpr int64_t kTile = 2048;
static_assert(kTile % kGramLanes == 0);

size_t PairsOf(int seeds) {
  return static_cast<size_t>(seeds) * (seeds + 1) / 2;
}

// The place of pair (k, l) in a row of the prefix sums.
size_t PairIndex(int seeds, int k, int l) {
  const size_t low = std::min(k, l);
  const size_t high = std::max(k, l);
  return low * seeds - low * (low + 1) / 2 + high;
}

double AddedPairwise(const std::array<double, kGramLanes>& lanes) {
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

// The seeds' vectors of one chromosome, read from wherever they lie.
class ChromosomeReader {
 public:
  ChromosomeReader(const GenomeLayout& layout, int chromosome,
                   std::span<const SeedWeights* const> seeds)
      : layout_(layout),
        tensors_(layout.chromosomes[chromosome].tensors),
        seeds_(seeds) {}

  // Widens elements begin … begin+count-1 of a seed.
  void Read(int seed, int64_t begin, int64_t count, float* out) const {
    auto next =
        std::upper_bound(tensors_.begin(), tensors_.end(), begin,
                         [this](int64_t position, int tensor) {
                           return position < layout_.places[tensor].offset;
                         });
    for (auto tensor = next - 1; count > 0; ++tensor) {
      const int64_t skipped = begin - layout_.places[*tensor].offset;
      const int64_t here = std::min(
          count, layout_.parameters.tensors[*tensor].elements - skipped);
      const SeedWeights::Tensor& weights = seeds_[seed]->tensors()[*tensor];
      Widen(weights.bytes.data() + skipped * DTypeBytes(weights.dtype),
            weights.dtype, here, out);
      out += here;
      begin += here;
      count -= here;
    }
  }

 private:
  const GenomeLayout& layout_;
  const std::vector<int>& tensors_;
  std::span<const SeedWeights* const> seeds_;
};

// Buffers that one thread uses for one block after another.
struct BlockScratch {
  std::vector<float> tiles;                           // [seeds][kTile]
  std::vector<std::array<double, kGramLanes>> lanes;  // [pairs]
};

// Sums of all pairs over elements begin … end-1, which are one block.
void SumBlock(const ChromosomeReader& reader, int seeds, int64_t begin,
              int64_t end, BlockScratch& scratch, double* sums) {
  for (auto& lanes : scratch.lanes) lanes.fill(0.0);
  for (int64_t tile = begin; tile < end; tile += kTile) {
    const int64_t count = std::min(kTile, end - tile);
    for (int k = 0; k < seeds; ++k) {
      reader.Read(k, tile, count, scratch.tiles.data() + k * kTile);
    }
    size_t pair = 0;
    for (int k = 0; k < seeds; ++k) {
      for (int l = k; l < seeds; ++l, ++pair) {
        AddProducts(scratch.tiles.data() + k * kTile,
                    scratch.tiles.data() + l * kTile, count,
                    scratch.lanes[pair]);
      }
    }
  }
  for (size_t pair = 0; pair < scratch.lanes.size(); ++pair) {
    sums[pair] = AddedPairwise(scratch.lanes[pair]);
  }
}

GramSums::Chromosome SumChromosome(const GenomeLayout& layout, int index,
                                   std::span<const SeedWeights* const> seeds,
                                   ThreadTeam& team) {
  const ChromosomeLayout& chromosome = layout.chromosomes[index];
  const auto seed_count = static_cast<int>(seeds.size());
  const size_t pairs = PairsOf(seed_count);
  GramSums::Chromosome sums{
      chromosome.length, chromosome.block, chromosome.blocks, {}};
  sums.prefix.resize((chromosome.blocks + 1) * pairs, 0.0);
  const ChromosomeReader reader(layout, index, seeds);
  std::vector<BlockScratch> scratch(team.threads());
  for (BlockScratch& of_thread : scratch) {
    of_thread.tiles.resize(seeds.size() * kTile);
    of_thread.lanes.resize(pairs);
  }
  // About as many elements per item, whatever the size of a block.
  const int64_t per_item =
      std::max<int64_t>(1, (int64_t{1} << 16) / chromosome.block);
  const int64_t items = (chromosome.blocks + per_item - 1) / per_item;
  team.Run(items, [&](int64_t item, int thread) {
    const int64_t last = std::min(chromosome.blocks, (item + 1) * per_item);
    for (int64_t block = item * per_item; block < last; ++block) {
      const int64_t begin = block * chromosome.block;
      SumBlock(reader, seed_count, begin,
               std::min(begin + chromosome.block, chromosome.length),
               scratch[thread], sums.prefix.data() + (block + 1) * pairs);
    }
  });
  for (size_t i = pairs; i < sums.prefix.size(); ++i) {
    sums.prefix[i] += sums.prefix[i - pairs];
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
                          ThreadTeam& team) {
  std::vector<Chromosome> chromosomes;
  for (size_t c = 0; c < layout.chromosomes.size(); ++c) {
    chromosomes.push_back(
        SumChromosome(layout, static_cast<int>(c), seeds, team));
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
    // A length that is no multiple of the block ends in a shorter block.
    const int64_t end_block = (end + sums.block - 1) / sums.block;
    AddSegment(recipe_a.coefficients.data() + segment_a * seeds_,
               recipe_b.coefficients.data() + segment_b * seeds_, seeds_,
               sums.prefix.data() + begin / sums.block * pairs,
               sums.prefix.data() + end_block * pairs, total);
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
  }
  return absl::OkStatus();
}

}  // namespace merganser
