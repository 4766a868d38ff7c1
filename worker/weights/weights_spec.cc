#include "worker/weights/weights_spec.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

// Of all tensors together: far beyond what a worker can hold, and far below
// what would overflow.
constexpr int64_t kMaximumElements = int64_t{1} << 40;

absl::Status Expect(bool right, const std::string& field,
                    const v1::TensorSpec& tensor, const std::string& expected) {
  if (right) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      field, ": ", tensor.name(), " has shape [",
      absl::StrJoin(tensor.shape(), ", "), "]; expected ", expected));
}

// `width`: what the layer before gives, 0 in front of the first one.
absl::Status CheckShape(const v1::TensorSpec& tensor, bool is_bias,
                        int64_t width, const std::string& field) {
  for (const int64_t extent : tensor.shape()) {
    RETURN_IF_ERROR(Expect(extent >= 1 && extent <= kMaximumElements, field,
                           tensor, "at least one element"));
  }
  if (is_bias) {
    return Expect(tensor.shape_size() == 1 && tensor.shape(0) == width, field,
                  tensor, absl::StrCat("[", width, "]"));
  }
  RETURN_IF_ERROR(
      Expect(tensor.shape_size() == 2, field, tensor, "[in][out], a matrix"));
  return Expect(width == 0 || tensor.shape(0) == width, field, tensor,
                absl::StrCat("in = ", width));
}

}  // namespace

bool KeepsWeights(const v1::CampaignSpec& spec) {
  return spec.seeds_size() > 0 && spec.seeds(0).random();
}

absl::StatusOr<DType> WeightsDType(const v1::ModelSpec& model,
                                   DType otherwise) {
  const std::string& name = model.weights_dtype();
  if (name.empty()) return otherwise;
  if (name == "float32") return DType::kF32;
  if (name == "bfloat16") return DType::kBF16;
  if (name == "float16") return DType::kF16;
  return absl::InvalidArgumentError(
      absl::StrCat("model.weights_dtype: \"", name,
                   "\"; expected float32, bfloat16 or float16"));
}

absl::StatusOr<ParameterLayout> MlpLayoutOf(const v1::ModelSpec& model) {
  if (model.tensors().empty() || model.tensors_size() % 2 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("model.tensors: has ", model.tensors_size(),
                     "; expected a weight and a bias for each layer"));
  }
  ParameterLayout layout;
  int64_t width = 0;
  for (int i = 0; i < model.tensors_size(); ++i) {
    const v1::TensorSpec& tensor = model.tensors(i);
    const std::string field = absl::StrCat("model.tensors[", i, "]");
    RETURN_IF_ERROR(CheckShape(tensor, i % 2 == 1, width, field));
    width = *tensor.shape().rbegin();
    const int64_t rows = i % 2 == 0 ? tensor.shape(0) : 1;
    RETURN_IF_ERROR(Expect(rows <= (kMaximumElements - layout.length) / width,
                           field, tensor,
                           absl::StrCat("at most ", kMaximumElements,
                                        " elements of all tensors")));
    const int64_t elements = rows * width;
    layout.tensors.push_back({tensor.name(),
                              {tensor.shape().begin(), tensor.shape().end()},
                              layout.length,
                              elements});
    layout.length += elements;
  }
  return layout;
}

}  // namespace merganser
