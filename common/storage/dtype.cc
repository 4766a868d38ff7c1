#include "common/storage/dtype.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace merganser {

const char* DTypeName(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "F32";
    case DType::kBF16:
      return "BF16";
    case DType::kF16:
      return "F16";
  }
  return "unknown";
}

absl::StatusOr<DType> DTypeFromName(const std::string& name) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    if (name == DTypeName(dtype)) return dtype;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("dtype ", name, " is not one of F32, BF16, F16"));
}

}  // namespace merganser
