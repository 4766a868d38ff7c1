#include "common/campaign_spec/model_memory.h"

#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"

namespace merganser {

absl::StatusOr<int64_t> ChildMemoryBytes(const v1::CampaignSpec& spec) {
  ASSIGN_OR_RETURN(const ParameterLayout layout, LayoutOfModel(spec.model()));
  ASSIGN_OR_RETURN(const DType compute, ComputeDTypeOf(spec));
  ASSIGN_OR_RETURN(const DType weights, WeightsDTypeOf(spec));
  int64_t element_bytes = DTypeBytes(compute);
  // Computed in float32, weights of another dtype are held in float32 alone.
  if (!spec.model().weights_dtype().empty() && compute != DType::kF32 &&
      weights != compute) {
    element_bytes += DTypeBytes(weights);
  }
  int64_t bytes = 0;
  if (__builtin_mul_overflow(layout.length, element_bytes, &bytes)) {
    return absl::InvalidArgumentError("model.tensors: too many parameters");
  }
  return bytes;
}

std::string MemoryText(int64_t bytes) {
  constexpr double kGigabyte = 1e9;
  constexpr double kMegabyte = 1e6;
  const auto size = static_cast<double>(bytes);
  return size >= kGigabyte ? absl::StrFormat("%.1f GB", size / kGigabyte)
                           : absl::StrFormat("%.1f MB", size / kMegabyte);
}

}  // namespace merganser
