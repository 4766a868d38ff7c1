// The JSON at the start of a safetensors file, as plain data. A part of
// safetensors.h; include that.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace merganser {

struct SafetensorsHeader {
  struct Entry {
    std::string dtype;           // as written: any dtype of the format
    std::vector<int64_t> shape;  // each at least 0
    int64_t elements = 0;        // product of shape
    int64_t begin = 0;           // bytes from the start of the data
    int64_t end = 0;  // begin plus the bytes that dtype and shape ask for
  };

  std::map<std::string, Entry> entries;
  std::map<std::string, std::string> metadata;
  int64_t data_bytes = 0;  // where the last tensor ends
};

// By the safetensors crate. Checked: no name twice, dtypes of the format, sizes
// that fit dtype and shape, and tensors that follow one another without a hole
// or an overlap. Bounded in depth and in memory, whatever the text.
// Errors: InvalidArgument naming the tensor and what was expected.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(std::string_view text);

// A tensor's name as messages show it, without control characters.
std::string ShownName(const std::string& name);

}  // namespace merganser
