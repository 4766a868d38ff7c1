// From text to tokens and back: what tasks need of a tokenizer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace merganser {

// Threads: safe to share.
class TextCodec {
 public:
  virtual ~TextCodec() = default;

  // As Tokenizer::Encode().
  virtual absl::StatusOr<std::vector<int32_t>> Encode(
      std::string_view text, bool add_special_tokens) const = 0;
  // As Tokenizer::Decode(), special tokens skipped.
  virtual absl::StatusOr<std::string> Decode(
      std::span<const int32_t> ids) const = 0;
};

}  // namespace merganser
