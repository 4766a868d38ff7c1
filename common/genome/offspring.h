// Makes children of parents that are kept as weights, in campaigns with
// mutation (DESIGN.md section 4).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "common/genome/block_products.h"
#include "common/genome/crossover.h"
#include "common/genome/linear_recipe.h"
#include "common/genome/materialise.h"
#include "common/genome/noise.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/seed_weights.h"
#include "common/genome/thread_team.h"

namespace merganser {

// Elements of a chromosome whose products are added in lanes before they are
// added to its inner product.
inline constexpr int64_t kInnerProductBlock = int64_t{1} << 16;

struct ParentWeights {
  // The parameter vector in the layout's order; not aligned to anything.
  std::span<const uint8_t> bytes;
  // <P, P> per chromosome, as an earlier Make() gave it; empty: not known.
  std::span<const double> squares;
};

// How a child is made; the lists have one entry per chromosome.
struct OffspringRequest {
  ParentWeights parent_a;
  // Without crossover, this and the two lists are not looked at.
  ParentWeights parent_b;
  bool crossover = true;
  // As in CrossoverDraw.
  std::span<const int64_t> split_blocks;
  std::span<const double> mixes;
  // Its key has the child's sequence number.
  Mutation mutation;
};

// The inner products of the parents are those of GramSums over both of them, in
// blocks of kInnerProductBlock elements whatever the split grid; SLERP and the
// split are those of CrossoverOf(); elements are made as Materialiser makes
// them of two seeds, A and B. Without crossover: of A alone, coefficient 1. The
// bits are the same on every CPU and for any number of threads.
// Threads: one call at a time.
class OffspringMaker {
 public:
  // `team` is borrowed.
  explicit OffspringMaker(ThreadTeam& team);

  // Writes the child's parameter vector. It and the parents are of dtype
  // `dtype`, layout.parameters.length * DTypeBytes(dtype) bytes each; the child
  // lies in none of the parents. Allocates nothing once it has run with this
  // layout before, except inside MPFR.
  //
  // Errors: InvalidArgument naming what does not fit the layout, or is out of
  // its range; nothing is then written.
  absl::Status Make(const GenomeLayout& layout, DType dtype,
                    const OffspringRequest& request, std::span<uint8_t> out);

  // What the last Make() computed; empty without crossover. Valid until the
  // next one, which must be given copies.
  std::span<const ChromosomeCrossover> crossovers() const {
    return crossovers_;
  }
  // <A, A> and <B, B> per chromosome, for the next child of a parent.
  std::span<const double> squares_a() const { return squares_[0]; }
  std::span<const double> squares_b() const { return squares_[1]; }

 private:
  // Points parents_[index] at the tensors of a parameter vector.
  void View(const GenomeLayout& layout, DType dtype,
            std::span<const uint8_t> bytes, int index);
  void ComputeCrossovers(const GenomeLayout& layout,
                         const OffspringRequest& request);
  ParentProducts Multiply(const GenomeLayout& layout, int chromosome,
                          const OffspringRequest& request);
  // Turns crossovers_ into recipe_.
  void WriteRecipe(const GenomeLayout& layout, bool crossover);

  ThreadTeam& team_;
  Materialiser materialiser_;
  std::array<std::vector<SeedWeights::Tensor>, 2> parents_;
  std::array<std::vector<double>, 2> squares_;
  std::vector<ChromosomeCrossover> crossovers_;
  LinearRecipe recipe_;                  // of the parents
  std::vector<BlockProducts> products_;  // per thread
  std::vector<double> sums_;             // [blocks][pairs]
};

}  // namespace merganser
