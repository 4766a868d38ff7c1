// A tokenizer.json, run by Hugging Face's own library.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace merganser {

// Threads: immutable after creation; safe to share.
class Tokenizer {
 public:
  // Reads a tokenizer.json.
  // Errors: NotFound, or what the system says; InvalidArgument with the
  // library's reason for a file that does not parse. Messages begin with the
  // path.
  static absl::StatusOr<std::shared_ptr<const Tokenizer>> Open(
      const std::string& path);
  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Ids are below it: added tokens count.
  int64_t vocabulary_size() const;

  // `add_special_tokens`: with those that the file's post-processor puts around
  // a text, such as a beginning of text.
  // Errors: InvalidArgument for text that is not UTF-8; Internal with the
  // library's reason.
  absl::StatusOr<std::vector<int32_t>> Encode(std::string_view text,
                                              bool add_special_tokens) const;

  // Errors: InvalidArgument for a negative id; Internal with the library's
  // reason. Ids that the tokenizer does not know give nothing.
  absl::StatusOr<std::string> Decode(std::span<const int32_t> ids,
                                     bool skip_special_tokens) const;

  // The id of a token as the vocabulary spells it; nullopt if it has none.
  std::optional<int32_t> TokenToId(std::string_view token) const;

 private:
  explicit Tokenizer(void* handle) : handle_(handle) {}

  void* const handle_;  // owned; the native library's
};

}  // namespace merganser
