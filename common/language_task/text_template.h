// Texts with {field} for a field of a datapoint.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace merganser {

// "{name}" stands for a field, "{{" and "}}" for braces.
// Threads: immutable after creation; safe to share.
class TextTemplate {
 public:
  // The empty text.
  TextTemplate() = default;
  // Errors: InvalidArgument that begins with the place, "at byte 7: …", from 0.
  static absl::StatusOr<TextTemplate> Parse(std::string_view text);

  // The names that it has, each once, in the order in which they first stand.
  const std::vector<std::string>& fields() const { return fields_; }

  // The text with each field replaced by what `value_of` gives for its name.
  std::string Render(
      absl::FunctionRef<std::string_view(std::string_view)> value_of) const;

 private:
  struct Piece {
    std::string literal;  // in front of the field
    std::string field;    // empty: none, at the end
  };

  std::vector<Piece> pieces_;
  std::vector<std::string> fields_;
};

}  // namespace merganser
