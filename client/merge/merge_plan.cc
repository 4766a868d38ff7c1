#include "client/merge/merge_plan.h"

#include <algorithm>

#include "common/base/status_macros.h"

namespace merganser {
namespace {

// The segments of a chromosome that touch elements begin … end-1 of it, counted
// from `begin`.
std::vector<MergeSegment> SegmentsIn(const ChromosomeRecipe& recipe, int seeds,
                                     int64_t begin, int64_t end) {
  const std::vector<int64_t>& starts = recipe.starts;
  size_t segment = std::upper_bound(starts.begin(), starts.end(), begin) -
                   starts.begin() - 1;
  std::vector<MergeSegment> segments;
  for (; segment < starts.size() && starts[segment] < end; ++segment) {
    const auto row =
        recipe.coefficients.begin() + static_cast<int64_t>(segment) * seeds;
    segments.push_back(
        {std::max(starts[segment] - begin, int64_t{0}), {row, row + seeds}});
  }
  return segments;
}

}  // namespace

absl::StatusOr<MergePlan> PlanOfRecipe(const LinearRecipe& recipe, int seeds,
                                       const GenomeLayout& layout) {
  RETURN_IF_ERROR(Validate(recipe, seeds, layout.chromosomes));
  MergePlan plan;
  for (size_t i = 0; i < layout.parameters.tensors.size(); ++i) {
    const TensorSlice& slice = layout.parameters.tensors[i];
    const auto& [chromosome, offset] = layout.places[i];
    MergeTensor tensor{
        .name = slice.name, .shape = slice.shape, .elements = slice.elements};
    for (int k = 0; k < seeds; ++k) tensor.inputs.push_back({k, slice.name});
    tensor.segments = SegmentsIn(recipe.chromosomes[chromosome], seeds, offset,
                                 offset + slice.elements);
    plan.tensors.push_back(std::move(tensor));
  }
  return plan;
}

}  // namespace merganser
