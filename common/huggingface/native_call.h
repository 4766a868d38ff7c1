// Calls into the native library: texts in, results and errors out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "merganser/huggingface_native.h"

namespace merganser {

inline mhf_text NativeText(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline std::string_view ViewOf(mhf_text text) {
  return {reinterpret_cast<const char*>(text.data), text.size};
}

// Takes the text over.
inline std::string TakeText(mhf_bytes bytes) {
  std::string text(reinterpret_cast<const char*>(bytes.data), bytes.size);
  mhf_bytes_free(bytes);
  return text;
}

// Takes the error over; OK has none.
inline absl::Status NativeStatus(mhf_status status, mhf_bytes error) {
  if (status == MHF_OK) return absl::OkStatus();
  const std::string message = TakeText(error);
  return status == MHF_INVALID ? absl::InvalidArgumentError(message)
                               : absl::InternalError(message);
}

}  // namespace merganser
