// The number formats that weights may be stored in.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace merganser {

// The values are part of stored and sent formats; never change one.
enum class DType : uint8_t { kF32 = 1, kBF16 = 2, kF16 = 3 };

// Bytes of one element.
constexpr int64_t DTypeBytes(DType dtype) {
  return dtype == DType::kF32 ? 4 : 2;
}

// "F32", "BF16" or "F16", as safetensors writes it.
const char* DTypeName(DType dtype);

// Errors: InvalidArgument, with the names that are known.
absl::StatusOr<DType> DTypeFromName(const std::string& name);

}  // namespace merganser
