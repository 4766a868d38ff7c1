#include "common/genome/offspring.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

absl::Status CheckSize(const char* what, const char* of_what, size_t is,
                       size_t expected) {
  if (is == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("offspring: number of ", what,
                                                 of_what, " is ", is,
                                                 "; expected ", expected));
}

absl::Status CheckParent(const GenomeLayout& layout, DType dtype,
                         const ParentWeights& parent, const char* name) {
  RETURN_IF_ERROR(CheckSize("bytes of ", name, parent.bytes.size(),
                            layout.parameters.length * DTypeBytes(dtype)));
  if (parent.squares.empty()) return absl::OkStatus();
  return CheckSize("squares of ", name, parent.squares.size(),
                   layout.chromosomes.size());
}

absl::Status CheckDraw(const GenomeLayout& layout,
                       const OffspringRequest& request) {
  const size_t chromosomes = layout.chromosomes.size();
  RETURN_IF_ERROR(
      CheckSize("split blocks", "", request.split_blocks.size(), chromosomes));
  RETURN_IF_ERROR(CheckSize("mixes", "", request.mixes.size(), chromosomes));
  for (size_t c = 0; c < chromosomes; ++c) {
    const int64_t split = request.split_blocks[c];
    if (split < 0 || split > layout.chromosomes[c].blocks) {
      return absl::InvalidArgumentError(
          absl::StrCat("offspring: split block ", split, " of chromosome ", c,
                       "; expected 0 to ", layout.chromosomes[c].blocks));
    }
    if (!std::isfinite(request.mixes[c])) {
      return absl::InvalidArgumentError(
          absl::StrCat("offspring: mix ", request.mixes[c], " of chromosome ",
                       c, "; expected a finite number"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRequest(const GenomeLayout& layout, DType dtype,
                          const OffspringRequest& request, size_t out_bytes) {
  RETURN_IF_ERROR(CheckParent(layout, dtype, request.parent_a, "parent A"));
  if (request.crossover) {
    RETURN_IF_ERROR(CheckParent(layout, dtype, request.parent_b, "parent B"));
    RETURN_IF_ERROR(CheckDraw(layout, request));
  }
  const double sigma = request.mutation.sigma;
  if (!(sigma >= 0) || !std::isfinite(static_cast<float>(sigma))) {
    return absl::InvalidArgumentError(
        absl::StrCat("offspring: mutation sigma ", sigma,
                     "; expected a finite float of at least 0"));
  }
  return CheckSize("output bytes", "", out_bytes,
                   layout.parameters.length * DTypeBytes(dtype));
}

}  // namespace

OffspringMaker::OffspringMaker(ThreadTeam& team)
    : team_(team), materialiser_(team), products_(team.threads()) {}

absl::Status OffspringMaker::Make(const GenomeLayout& layout, DType dtype,
                                  const OffspringRequest& request,
                                  std::span<uint8_t> out) {
  RETURN_IF_ERROR(CheckRequest(layout, dtype, request, out.size()));
  crossovers_.clear();
  for (auto& squares : squares_) squares.clear();
  View(layout, dtype, request.parent_a.bytes, 0);
  if (request.crossover) {
    View(layout, dtype, request.parent_b.bytes, 1);
    ComputeCrossovers(layout, request);
  }
  WriteRecipe(layout, request.crossover);
  const std::array<WeightTensors, 2> weights = {parents_[0], parents_[1]};
  return materialiser_.Run(recipe_, layout,
                           std::span(weights).first(recipe_.seeds),
                           request.mutation, dtype, out);
}

void OffspringMaker::View(const GenomeLayout& layout, DType dtype,
                          std::span<const uint8_t> bytes, int index) {
  std::vector<SeedWeights::Tensor>& tensors = parents_[index];
  tensors.clear();
  for (const TensorSlice& slice : layout.parameters.tensors) {
    tensors.push_back(
        {dtype, bytes.subspan(slice.offset * DTypeBytes(dtype),
                              slice.elements * DTypeBytes(dtype))});
  }
}

void OffspringMaker::ComputeCrossovers(const GenomeLayout& layout,
                                       const OffspringRequest& request) {
  for (size_t c = 0; c < layout.chromosomes.size(); ++c) {
    const ChromosomeLayout& chromosome = layout.chromosomes[c];
    const ParentProducts products =
        Multiply(layout, static_cast<int>(c), request);
    squares_[0].push_back(products.aa);
    squares_[1].push_back(products.bb);
    crossovers_.push_back(CrossoverOf(
        products, chromosome, request.split_blocks[c], request.mixes[c]));
  }
}

ParentProducts OffspringMaker::Multiply(const GenomeLayout& layout,
                                        int chromosome,
                                        const OffspringRequest& request) {
  std::array<VectorPair, 3> pairs;
  std::array<double*, 3> totals;
  size_t count = 0;
  ParentProducts products;
  const auto want = [&](VectorPair pair, std::span<const double> known,
                        double& total) {
    if (!known.empty()) {
      total = known[chromosome];
      return;
    }
    pairs[count] = pair;
    totals[count++] = &total;
  };
  want({0, 0}, request.parent_a.squares, products.aa);
  want({1, 1}, request.parent_b.squares, products.bb);
  want({0, 1}, {}, products.ab);

  const int64_t length = layout.chromosomes[chromosome].length;
  const int64_t blocks = (length + kInnerProductBlock - 1) / kInnerProductBlock;
  sums_.resize(blocks * count);
  const std::array<WeightTensors, 2> weights = {parents_[0], parents_[1]};
  team_.Run(blocks, [&](int64_t block, int thread) {
    const int64_t begin = block * kInnerProductBlock;
    products_[thread].Sum(layout, chromosome, {weights, {}},
                          std::span(pairs).first(count), begin,
                          std::min(begin + kInnerProductBlock, length),
                          sums_.data() + block * count);
  });
  for (size_t i = 0; i < sums_.size(); ++i) *totals[i % count] += sums_[i];
  return products;
}

void OffspringMaker::WriteRecipe(const GenomeLayout& layout, bool crossover) {
  recipe_.seeds = crossover ? 2 : 1;
  recipe_.chromosomes.resize(layout.chromosomes.size());
  for (size_t c = 0; c < recipe_.chromosomes.size(); ++c) {
    auto& [starts, coefficients] = recipe_.chromosomes[c];
    starts.assign(1, 0);
    if (!crossover) {
      coefficients.assign(1, 1.0);
      continue;
    }
    const auto& [split, length, before, after] = crossovers_[c];
    coefficients.clear();
    if (split > 0) {
      coefficients.insert(coefficients.end(), {before.a, before.b});
    }
    if (split < length) {
      coefficients.insert(coefficients.end(), {after.a, after.b});
    }
    if (coefficients.size() > 2) starts.push_back(split);
  }
}

}  // namespace merganser
