#include "common/language_task/continuation_text.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/language_task/stop_texts.h"

namespace merganser {
namespace {

// So many tokens in front are enough for the text of those behind.
constexpr size_t kContextTokens = 5;
// A stop lies in the last tokens, one for each of its bytes, and some more that
// have no text.
constexpr size_t kTokensWithoutText = 8;

TokenIds Last(TokenIds tokens, size_t count) {
  return tokens.last(std::min(count, tokens.size()));
}

}  // namespace

ContinuationReader::ContinuationReader(const TextCodec& codec,
                                       std::vector<int32_t> end_tokens,
                                       std::vector<std::string> stops)
    : codec_(codec),
      end_tokens_(std::move(end_tokens)),
      stops_(std::move(stops)) {}

bool ContinuationReader::IsEnd(int32_t token) const {
  return std::find(end_tokens_.begin(), end_tokens_.end(), token) !=
         end_tokens_.end();
}

absl::StatusOr<std::string> ContinuationReader::Text(TokenIds prompt,
                                                     TokenIds tokens) const {
  const TokenIds context = Last(prompt, kContextTokens);
  std::vector<int32_t> together(context.begin(), context.end());
  together.insert(together.end(), tokens.begin(), tokens.end());
  ASSIGN_OR_RETURN(const std::string before, codec_.Decode(context));
  ASSIGN_OR_RETURN(const std::string all, codec_.Decode(together));
  if (all.starts_with(before)) return all.substr(before.size());
  return codec_.Decode(tokens);
}

absl::StatusOr<bool> ContinuationReader::IsComplete(TokenIds prompt,
                                                    TokenIds tokens) const {
  if (tokens.empty()) return false;
  if (IsEnd(tokens.back())) return true;
  if (stops_.empty()) return false;
  const size_t enough = LongestStop(stops_) + kTokensWithoutText;
  ASSIGN_OR_RETURN(const std::string text,
                   tokens.size() > enough ? codec_.Decode(Last(tokens, enough))
                                          : Text(prompt, tokens));
  return FindStop(text, stops_) != std::string::npos;
}

absl::StatusOr<std::string> ContinuationReader::FinishedText(
    TokenIds prompt, TokenIds tokens) const {
  if (!tokens.empty() && IsEnd(tokens.back())) {
    tokens = tokens.first(tokens.size() - 1);
  }
  ASSIGN_OR_RETURN(const std::string text, Text(prompt, tokens));
  return std::string(CutAtStop(text, stops_));
}

}  // namespace merganser
