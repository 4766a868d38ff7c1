#include "common/genome/seed_weights.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/genome/vector_kernels.h"

namespace merganser {
namespace {

constexpr int64_t kElementsPerItem = int64_t{1} << 18;

absl::Status Error(const TensorSource& source, const TensorSlice& slice,
                   const std::string& message) {
  return absl::InvalidArgumentError(
      absl::StrCat(source.path(), ": ", slice.name, message));
}

// The first element of a tensor that is no finite number; `elements` if none.
int64_t FindNotFinite(const SeedWeights::Tensor& tensor, int64_t elements,
                      ThreadTeam& team) {
  const int64_t items = (elements + kElementsPerItem - 1) / kElementsPerItem;
  std::atomic<int64_t> first = elements;
  team.Run(items, [&](int64_t item, int) {
    const int64_t begin = item * kElementsPerItem;
    const int64_t count = std::min(kElementsPerItem, elements - begin);
    const uint8_t* const bytes =
        tensor.bytes.data() + begin * DTypeBytes(tensor.dtype);
    const int64_t found = FirstNotFinite(bytes, tensor.dtype, count);
    if (found == count) return;
    int64_t known = first.load();
    while (begin + found < known &&
           !first.compare_exchange_weak(known, begin + found)) {
    }
  });
  return first;
}

}  // namespace

absl::StatusOr<SeedWeights> SeedWeights::Create(
    std::shared_ptr<const TensorSource> source, const ParameterLayout& layout,
    ThreadTeam& team) {
  std::vector<Tensor> tensors;
  for (const TensorSlice& slice : layout.tensors) {
    ASSIGN_OR_RETURN(const TensorView view, source->Tensor(slice.name));
    if (view.shape != slice.shape) {
      return Error(
          *source, slice,
          absl::StrCat(" has shape [", absl::StrJoin(view.shape, ", "),
                       "]; expected [", absl::StrJoin(slice.shape, ", "), "]"));
    }
    tensors.push_back({view.dtype, view.bytes});
    const int64_t index = FindNotFinite(tensors.back(), slice.elements, team);
    if (index < slice.elements) {
      return Error(
          *source, slice,
          absl::StrCat(": element ", index,
                       " is NaN or infinite; expected finite numbers"));
    }
  }
  return SeedWeights(std::move(source), std::move(tensors));
}

SeedWeights::SeedWeights(std::shared_ptr<const TensorSource> source,
                         std::vector<Tensor> tensors)
    : source_(std::move(source)), tensors_(std::move(tensors)) {
  const auto differs = [this](const Tensor& tensor) {
    return tensor.dtype != tensors_[0].dtype;
  };
  if (!tensors_.empty() &&
      std::none_of(tensors_.begin(), tensors_.end(), differs)) {
    dtype_ = tensors_[0].dtype;
  }
}

DType CommonDType(std::span<const SeedWeights* const> seeds) {
  const auto differs = [&seeds](const SeedWeights* seed) {
    return seed->dtype() != seeds[0]->dtype();
  };
  const bool common =
      !seeds.empty() && std::none_of(seeds.begin(), seeds.end(), differs);
  return common ? seeds[0]->dtype() : DType::kF32;
}

}  // namespace merganser
