// What of a text is the answer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace re2 {
class RE2;
}

namespace merganser {

// Time is linear in the text's length, whatever the pattern.
// Threads: immutable after creation; safe to share.
class AnswerExtractor {
 public:
  // The whole text, white space included.
  static AnswerExtractor Exact();
  // The last number, as GSM8K is scored: a sign, digits with or without commas,
  // a fraction. Commas and a dollar sign are left out, and a dot behind the
  // number is none of it: "$1,234.50." gives "1234.50".
  static AnswerExtractor LastNumber();
  // The first match of a regular expression in RE2's syntax: its first group,
  // or, without one, all of it; white space around is left out.
  // Errors: InvalidArgument with RE2's reason.
  static absl::StatusOr<AnswerExtractor> Pattern(const std::string& pattern);

  // nullopt: there is none.
  std::optional<std::string> Extract(std::string_view text) const;

 private:
  enum class Kind { kExact, kLastNumber, kPattern };

  AnswerExtractor(Kind kind, std::shared_ptr<const re2::RE2> pattern)
      : kind_(kind), pattern_(std::move(pattern)) {}

  Kind kind_;
  std::shared_ptr<const re2::RE2> pattern_;  // null: exact
};

}  // namespace merganser
