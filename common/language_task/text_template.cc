#include "common/language_task/text_template.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

absl::Status ErrorAt(size_t position, const char* message) {
  return absl::InvalidArgumentError(
      absl::StrCat("at byte ", position, ": ", message));
}

}  // namespace

absl::StatusOr<TextTemplate> TextTemplate::Parse(std::string_view text) {
  TextTemplate result;
  Piece piece;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      piece.literal += c;
      continue;
    }
    if (text.substr(i + 1, 1) == text.substr(i, 1)) {
      piece.literal += c;
      ++i;
      continue;
    }
    if (c == '}') return ErrorAt(i, "expected }} for a brace; got }");
    const size_t end = text.find_first_of("{}", i + 1);
    if (end == std::string_view::npos || text[end] == '{') {
      return ErrorAt(i, "expected {field}, or {{ for a brace; got { without }");
    }
    piece.field = std::string(text.substr(i + 1, end - i - 1));
    if (piece.field.empty()) {
      return ErrorAt(i, "expected the name of a field between { and }");
    }
    auto& fields = result.fields_;
    if (std::find(fields.begin(), fields.end(), piece.field) == fields.end()) {
      fields.push_back(piece.field);
    }
    result.pieces_.push_back(std::exchange(piece, {}));
    i = end;
  }
  if (!piece.literal.empty()) result.pieces_.push_back(std::move(piece));
  return result;
}

std::string TextTemplate::Render(
    absl::FunctionRef<std::string_view(std::string_view)> value_of) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    text += piece.literal;
    if (!piece.field.empty()) text += value_of(piece.field);
  }
  return text;
}

}  // namespace merganser
