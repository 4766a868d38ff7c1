#include "coordinator/store/packed_value.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "common/base/digest.h"

namespace merganser {
namespace {

constexpr size_t kCrcBytes = 4;

}  // namespace

std::string PackValue(const std::string& value) {
  std::string packed;
  packed.reserve(value.size() + kCrcBytes);
  packed = value;
  const uint32_t crc = Crc32(value);
  for (size_t i = 0; i < kCrcBytes; ++i) {
    packed.push_back(static_cast<char>(crc >> (8 * i)));
  }
  return packed;
}

absl::StatusOr<std::string> UnpackValue(std::string packed) {
  if (packed.size() < kCrcBytes) {
    return absl::DataLossError(absl::StrCat("stored value of ", packed.size(),
                                            " bytes is too short for its CRC"));
  }
  const size_t size = packed.size() - kCrcBytes;
  uint32_t stored = 0;
  for (size_t i = 0; i < kCrcBytes; ++i) {
    stored |= static_cast<uint32_t>(static_cast<uint8_t>(packed[size + i]))
              << (8 * i);
  }
  packed.resize(size);
  if (Crc32(packed) != stored) {
    return absl::DataLossError(absl::StrCat("stored value of ", size,
                                            " bytes does not match its CRC"));
  }
  return packed;
}

}  // namespace merganser
