// How the elements of a candidate are written.
#pragma once

#include "common/storage/dtype.h"

namespace merganser {

// What elements are rounded to, and how they are kept.
struct OutputFormat {
  DType dtype = DType::kF32;
  bool widened = false;  // as float32, which holds each of them exactly

  constexpr DType held() const { return widened ? DType::kF32 : dtype; }
};

}  // namespace merganser
