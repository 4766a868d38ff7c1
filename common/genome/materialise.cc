#include "common/genome/materialise.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

// Elements that a thread makes at a time.
constexpr int64_t kElementsPerItem = int64_t{1} << 16;
// Outputs from this size on do not stay in the caches anyway.
constexpr size_t kStreamingBytes = size_t{1} << 25;

// What all threads share during one Run().
struct Job {
  const LinearRecipe& recipe;
  const GenomeLayout& layout;
  std::span<const SeedWeights* const> seeds;
  DType dtype;
  bool streaming;
  uint8_t* out;
};

// Makes elements begin … end-1 of a tensor, which lie in one segment.
void MakePiece(const Job& job, int tensor, int64_t begin, int64_t end,
               const double* coefficients, std::vector<WeightedInput>& inputs) {
  inputs.clear();
  for (size_t k = 0; k < job.seeds.size(); ++k) {
    const auto coefficient = static_cast<float>(coefficients[k]);
    if (coefficient == 0) continue;
    const SeedWeights::Tensor& source = job.seeds[k]->tensors()[tensor];
    inputs.push_back({source.bytes.data() + begin * DTypeBytes(source.dtype),
                      source.dtype, coefficient});
  }
  const int64_t position = job.layout.parameters.tensors[tensor].offset + begin;
  Combine(inputs, end - begin, job.dtype, job.streaming,
          job.out + position * DTypeBytes(job.dtype));
}

// Makes elements begin … end-1 of a tensor, segment by segment.
void MakePartOfTensor(const Job& job, int tensor, int64_t begin, int64_t end,
                      std::vector<WeightedInput>& inputs) {
  const auto& [chromosome, offset] = job.layout.places[tensor];
  const ChromosomeRecipe& recipe = job.recipe.chromosomes[chromosome];
  const std::vector<int64_t>& starts = recipe.starts;
  size_t segment =
      std::upper_bound(starts.begin(), starts.end(), offset + begin) -
      starts.begin() - 1;
  for (; begin < end; ++segment) {
    const int64_t segment_end =
        segment + 1 < starts.size() ? starts[segment + 1] - offset : end;
    const int64_t piece_end = std::min(end, segment_end);
    MakePiece(job, tensor, begin, piece_end,
              recipe.coefficients.data() + segment * job.seeds.size(), inputs);
    begin = piece_end;
  }
}

// Makes elements begin … end-1 of the parameter vector.
void MakeRange(const Job& job, int64_t begin, int64_t end,
               std::vector<WeightedInput>& inputs) {
  const std::vector<TensorSlice>& tensors = job.layout.parameters.tensors;
  auto tensor = std::upper_bound(tensors.begin(), tensors.end(), begin,
                                 [](int64_t position, const TensorSlice& t) {
                                   return position < t.offset;
                                 }) -
                1;
  for (; begin < end; ++tensor) {
    const int64_t part_end = std::min(end, tensor->offset + tensor->elements);
    MakePartOfTensor(job, static_cast<int>(tensor - tensors.begin()),
                     begin - tensor->offset, part_end - tensor->offset, inputs);
    begin = part_end;
  }
}

absl::Status CheckFits(const Job& job, size_t out_bytes) {
  const auto check = [](const char* what, size_t is, size_t expected) {
    if (is == expected) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "materialise: ", what, " is ", is, "; expected ", expected));
  };
  const GenomeLayout& layout = job.layout;
  absl::Status status =
      check("number of seeds", job.seeds.size(), job.recipe.seeds);
  status.Update(check("number of chromosomes in the recipe",
                      job.recipe.chromosomes.size(),
                      layout.chromosomes.size()));
  for (const SeedWeights* seed : job.seeds) {
    status.Update(check("number of a seed's tensors", seed->tensors().size(),
                        layout.parameters.tensors.size()));
  }
  status.Update(check("number of output bytes", out_bytes,
                      layout.parameters.length * DTypeBytes(job.dtype)));
  return status;
}

}  // namespace

Materialiser::Materialiser(ThreadTeam& team)
    : team_(team), inputs_(team.threads()) {}

absl::Status Materialiser::Run(const LinearRecipe& recipe,
                               const GenomeLayout& layout,
                               std::span<const SeedWeights* const> seeds,
                               DType dtype, std::span<uint8_t> out) {
  const Job job{recipe,    layout, seeds, dtype, out.size() >= kStreamingBytes,
                out.data()};
  if (absl::Status status = CheckFits(job, out.size()); !status.ok()) {
    return status;
  }
  for (auto& inputs : inputs_) inputs.reserve(seeds.size());
  const int64_t length = layout.parameters.length;
  const int64_t items = (length + kElementsPerItem - 1) / kElementsPerItem;
  team_.Run(items, [&](int64_t item, int thread) {
    const int64_t begin = item * kElementsPerItem;
    MakeRange(job, begin, std::min(begin + kElementsPerItem, length),
              inputs_[thread]);
  });
  return absl::OkStatus();
}

}  // namespace merganser
