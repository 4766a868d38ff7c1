// Inner products of candidates without their weights: sums of the seeds'
// products, per block of each chromosome.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/genome/linear_recipe.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/seed_weights.h"
#include "common/genome/thread_team.h"

namespace merganser {

// Prefix sums over blocks of <V_k, V_l>, for each chromosome and pair k <= l.
// V_k is seed S_k; with a base, the difference S_k - base, of which each
// element is the difference of the widened elements, rounded once to float32.
//
// The sums are part of the format (DESIGN.md section 4). Within a block,
// element i, counted from the block's start, is added to lane i mod 8 in the
// order of i; products of widened elements are exact in double. The lanes are
// added pairwise, ((0+1)+(2+3))+((4+5)+(6+7)), and the blocks in order.
//
// Threads: immutable after creation; safe to share.
class GramSums {
 public:
  struct Chromosome : SplitGrid {
    // [blocks + 1][pairs]; row p: sums over blocks 0 … p-1; pairs in the order
    // (0,0), (0,1), …, (0,K-1), (1,1), …
    std::vector<double> prefix;

    friend bool operator==(const Chromosome&, const Chromosome&) = default;
  };

  // Reads every seed and the base, which may be null, once. The same bits for
  // any number of threads.
  static GramSums Create(const GenomeLayout& layout,
                         std::span<const SeedWeights* const> seeds,
                         const SeedWeights* base, ThreadTeam& team);
  static GramSums Create(const GenomeLayout& layout,
                         std::span<const SeedWeights* const> seeds,
                         ThreadTeam& team) {
    return Create(layout, seeds, /*base=*/nullptr, team);
  }

  // K; the base is none of them.
  int seeds() const { return seeds_; }
  std::span<const Chromosome> chromosomes() const { return chromosomes_; }
  int64_t MemoryBytes() const;

  // <A, B> over one chromosome, by the recipes of A and B, which are valid for
  // it (see Validate()); with a base, of their differences from it. For the
  // segments of the union ascending, for k ascending, a_k * (sum over l
  // ascending of b_l * G_kl) is added to the total; every operation is rounded
  // to double. Of the recipes' coefficients the first K count: a last one
  // behind them, the base's, is that of a zero vector.
  double InnerProduct(int chromosome, const LinearRecipe& a,
                      const LinearRecipe& b) const;

  // Bytes that Parse() turns into the same bits: format tag, sizes, then the
  // prefix sums as little-endian doubles, and a CRC-32.
  std::string Serialise() const;
  // Errors: InvalidArgument for bytes that Serialise() would not have given.
  static absl::StatusOr<GramSums> Parse(const std::string& bytes);

  // Errors: InvalidArgument naming the first difference, unless these are the
  // sums of `seeds` seeds with these chromosomes.
  absl::Status CheckMatches(
      int seeds, std::span<const ChromosomeLayout> chromosomes) const;

  friend bool operator==(const GramSums&, const GramSums&) = default;

 private:
  GramSums(int seeds, std::vector<Chromosome> chromosomes);

  int seeds_;
  std::vector<Chromosome> chromosomes_;
};

}  // namespace merganser
