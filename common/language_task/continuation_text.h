// What a model has written behind a prompt, as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/language_task/language_model.h"
#include "common/language_task/text_codec.h"

namespace merganser {

// Threads: immutable after creation; safe to share.
class ContinuationReader {
 public:
  // `codec` is borrowed.
  ContinuationReader(const TextCodec& codec, std::vector<int32_t> end_tokens,
                     std::vector<std::string> stops);

  bool IsEnd(int32_t token) const;
  const std::vector<std::string>& stops() const { return stops_; }

  // The text of `tokens` as it follows on `prompt`: some tokenizers leave out
  // a space where a text begins.
  absl::StatusOr<std::string> Text(TokenIds prompt, TokenIds tokens) const;

  // Whether the last of `tokens` ends the text: it is one of the end, or
  // completes a stop.
  absl::StatusOr<bool> IsComplete(TokenIds prompt, TokenIds tokens) const;

  // The text of a continuation that has ended: without the token of the end,
  // and without the first stop and what is behind it.
  absl::StatusOr<std::string> FinishedText(TokenIds prompt,
                                           TokenIds tokens) const;

 private:
  const TextCodec& codec_;
  const std::vector<int32_t> end_tokens_;
  const std::vector<std::string> stops_;
};

}  // namespace merganser
