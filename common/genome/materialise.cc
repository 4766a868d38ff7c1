#include "common/genome/materialise.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

// Elements that a thread makes at a time.
constexpr int64_t kElementsPerItem = int64_t{1} << 16;
// Outputs from this size on do not stay in the caches anyway.
constexpr size_t kStreamingBytes = size_t{1} << 25;

// Elements of which the noise is made before it is added.
constexpr int64_t kNoiseElements = 4096;

// What all threads share during one Run().
struct Job {
  const ParameterLayout& placement;
  const LinearRecipe& recipe;
  const GenomeLayout& layout;
  std::span<const WeightTensors> weights;
  const Mutation& mutation;
  OutputFormat format;
  bool streaming;
  uint8_t* out;
};

// Makes ranges of the parameter vector, on one thread.
class RangeMaker {
 public:
  RangeMaker(const Job& job, std::vector<WeightedInput>& inputs)
      : job_(job),
        inputs_(inputs),
        sigma_(static_cast<float>(job.mutation.sigma)) {}

  // Makes elements begin … end-1.
  void Make(int64_t begin, int64_t end) {
    if (sigma_ == 0) return MakeRange(begin, end);
    for (; begin < end; begin += kNoiseElements) {
      noise_begin_ = begin;
      const int64_t count = std::min(kNoiseElements, end - begin);
      noise_.fill(0.0f);
      AddNoise(job_.mutation.key, /*sigma=*/1.0f, begin,
               std::span(noise_).first(count));
      MakeRange(begin, begin + count);
    }
  }

 private:
  void MakeRange(int64_t begin, int64_t end);
  // Makes elements begin … end-1 of a tensor, segment by segment.
  void MakePartOfTensor(int tensor, int64_t begin, int64_t end);
  // Makes elements begin … end-1 of a tensor, which lie in one segment.
  void MakePiece(int tensor, int64_t begin, int64_t end,
                 const double* coefficients);

  // Of elements noise_begin_ …; with sigma 1.
  alignas(64) std::array<float, kNoiseElements> noise_;
  const Job& job_;
  std::vector<WeightedInput>& inputs_;
  int64_t noise_begin_ = 0;
  const float sigma_;
};

void RangeMaker::MakePiece(int tensor, int64_t begin, int64_t end,
                           const double* coefficients) {
  const int64_t position =
      job_.layout.parameters.tensors[tensor].offset + begin;
  inputs_.clear();
  for (size_t k = 0; k < job_.weights.size(); ++k) {
    const auto coefficient = static_cast<float>(coefficients[k]);
    if (coefficient == 0) continue;
    const SeedWeights::Tensor& source = job_.weights[k][tensor];
    inputs_.push_back({source.bytes.data() + begin * DTypeBytes(source.dtype),
                       source.dtype, coefficient});
  }
  if (sigma_ != 0) {
    const float* const noise = noise_.data() + (position - noise_begin_);
    inputs_.push_back(
        {reinterpret_cast<const uint8_t*>(noise), DType::kF32, sigma_});
  }
  const int64_t place = job_.placement.tensors[tensor].offset + begin;
  Combine(inputs_, end - begin, job_.format, job_.streaming,
          job_.out + place * DTypeBytes(job_.format.held()));
}

void RangeMaker::MakePartOfTensor(int tensor, int64_t begin, int64_t end) {
  const auto& [chromosome, offset] = job_.layout.places[tensor];
  const ChromosomeRecipe& recipe = job_.recipe.chromosomes[chromosome];
  const std::vector<int64_t>& starts = recipe.starts;
  size_t segment =
      std::upper_bound(starts.begin(), starts.end(), offset + begin) -
      starts.begin() - 1;
  for (; begin < end; ++segment) {
    const int64_t segment_end =
        segment + 1 < starts.size() ? starts[segment + 1] - offset : end;
    const int64_t piece_end = std::min(end, segment_end);
    MakePiece(tensor, begin, piece_end,
              recipe.coefficients.data() + segment * job_.weights.size());
    begin = piece_end;
  }
}

void RangeMaker::MakeRange(int64_t begin, int64_t end) {
  const std::vector<TensorSlice>& tensors = job_.layout.parameters.tensors;
  auto tensor = std::upper_bound(tensors.begin(), tensors.end(), begin,
                                 [](int64_t position, const TensorSlice& t) {
                                   return position < t.offset;
                                 }) -
                1;
  for (; begin < end; ++tensor) {
    const int64_t part_end = std::min(end, tensor->offset + tensor->elements);
    MakePartOfTensor(static_cast<int>(tensor - tensors.begin()),
                     begin - tensor->offset, part_end - tensor->offset);
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
      check("number of seeds", job.weights.size(), job.recipe.seeds);
  status.Update(check("number of chromosomes in the recipe",
                      job.recipe.chromosomes.size(),
                      layout.chromosomes.size()));
  for (const WeightTensors tensors : job.weights) {
    status.Update(check("number of a seed's tensors", tensors.size(),
                        layout.parameters.tensors.size()));
  }
  status.Update(check("number of output bytes", out_bytes,
                      job.placement.length * DTypeBytes(job.format.held())));
  const std::vector<TensorSlice>& places = job.placement.tensors;
  status.Update(check("number of places", places.size(),
                      layout.parameters.tensors.size()));
  for (size_t i = 0; status.ok() && i < places.size(); ++i) {
    const TensorSlice& tensor = layout.parameters.tensors[i];
    if (places[i].elements >= tensor.elements) continue;
    status = absl::InvalidArgumentError(
        absl::StrCat("materialise: ", tensor.name, " has ", tensor.elements,
                     " elements; its place ", places[i].elements));
  }
  return status;
}

}  // namespace

Materialiser::Materialiser(ThreadTeam& team)
    : team_(team), inputs_(team.threads()) {}

absl::Status Materialiser::Run(const LinearRecipe& recipe,
                               const GenomeLayout& layout,
                               std::span<const SeedWeights* const> seeds,
                               DType dtype, std::span<uint8_t> out) {
  return RunInto(layout.parameters, recipe, layout, seeds, {dtype}, out);
}

absl::Status Materialiser::RunInto(const ParameterLayout& placement,
                                   const LinearRecipe& recipe,
                                   const GenomeLayout& layout,
                                   std::span<const SeedWeights* const> seeds,
                                   OutputFormat format,
                                   std::span<uint8_t> out) {
  weights_.clear();
  for (const SeedWeights* seed : seeds) weights_.push_back(seed->tensors());
  return Make(placement, recipe, layout, weights_, Mutation{}, format, out);
}

absl::Status Materialiser::Run(const LinearRecipe& recipe,
                               const GenomeLayout& layout,
                               std::span<const WeightTensors> weights,
                               const Mutation& mutation, DType dtype,
                               std::span<uint8_t> out) {
  return Make(layout.parameters, recipe, layout, weights, mutation, {dtype},
              out);
}

absl::Status Materialiser::Make(const ParameterLayout& placement,
                                const LinearRecipe& recipe,
                                const GenomeLayout& layout,
                                std::span<const WeightTensors> weights,
                                const Mutation& mutation, OutputFormat format,
                                std::span<uint8_t> out) {
  const Job job{placement,
                recipe,
                layout,
                weights,
                mutation,
                format,
                out.size() >= kStreamingBytes,
                out.data()};
  if (absl::Status status = CheckFits(job, out.size()); !status.ok()) {
    return status;
  }
  // One more for the noise.
  for (auto& inputs : inputs_) inputs.reserve(weights.size() + 1);
  const int64_t length = layout.parameters.length;
  const int64_t items = (length + kElementsPerItem - 1) / kElementsPerItem;
  team_.Run(items, [&](int64_t item, int thread) {
    const int64_t begin = item * kElementsPerItem;
    RangeMaker(job, inputs_[thread])
        .Make(begin, std::min(begin + kElementsPerItem, length));
  });
  return absl::OkStatus();
}

}  // namespace merganser
