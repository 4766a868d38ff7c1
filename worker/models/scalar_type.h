// libtorch's names of the number formats.
#pragma once

#include "c10/core/ScalarType.h"
#include "common/storage/dtype.h"

namespace merganser {

inline c10::ScalarType ScalarTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return c10::kFloat;
    case DType::kBF16:
      return c10::kBFloat16;
    case DType::kF16:
      return c10::kHalf;
  }
  return c10::kFloat;
}

}  // namespace merganser
