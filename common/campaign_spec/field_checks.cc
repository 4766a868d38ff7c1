#include "common/campaign_spec/field_checks.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/campaign_spec/validate.h"
#include "re2/re2.h"

namespace merganser {
namespace {

absl::Status CheckFile(const std::string& path, const std::string& text) {
  for (const char* scheme : {"hf:", "upload:"}) {
    if (absl::StartsWith(text, scheme)) {
      return FieldError(path,
                        absl::StrCat(scheme,
                                     " sources are not supported yet; expected "
                                     "the path of a file"));
    }
  }
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return absl::ascii_iscntrl(c); })) {
    return FieldError(path, absl::StrCat("expected a path without control "
                                         "characters; got \"",
                                         absl::CHexEscape(text), "\""));
  }
  return absl::OkStatus();
}

// Bytes that are no character of UTF-8 match nothing.
bool IsUtf8(const std::string& text) {
  static const re2::RE2* const anything = new re2::RE2("(?s).*");
  return re2::RE2::FullMatch(text, *anything);
}

}  // namespace

absl::Status CheckNumber(const SchemaField& field, const std::string& path,
                         double value) {
  if (std::isfinite(value) && value >= field.minimum &&
      value <= field.maximum) {
    return absl::OkStatus();
  }
  const std::string range = RangeText(field);
  return FieldError(
      path, absl::StrCat("expected ", range.empty() ? "a finite number" : range,
                         "; got ", FormatNumber(value)));
}

absl::Status CheckText(const SchemaField& field, const std::string& path,
                       const std::string& text) {
  if (text.empty()) {
    if (!field.required) return absl::OkStatus();
    return FieldError(
        path,
        absl::StrCat("is missing; expected ",
                     field.choices.empty() ? field.help : ChoicesText(field)));
  }
  if (!IsUtf8(text)) return FieldError(path, "expected text in UTF-8");
  if (static_cast<double>(text.size()) > field.maximum) {
    return FieldError(
        path, absl::StrCat("expected at most ", FormatNumber(field.maximum),
                           " bytes; got ", text.size()));
  }
  if (!field.choices.empty()) {
    const std::vector<std::string> choices = absl::StrSplit(field.choices, ' ');
    if (std::count(choices.begin(), choices.end(), text) > 0) {
      return absl::OkStatus();
    }
    return FieldError(path,
                      absl::StrCat("expected ", ChoicesText(field), "; got \"",
                                   absl::CHexEscape(text), "\""));
  }
  if (field.format == TextFormat::kName) return ValidateName(path, text);
  if (field.format == TextFormat::kFile) return CheckFile(path, text);
  return absl::OkStatus();
}

absl::Status CheckEntries(const SchemaField& field, const std::string& path,
                          int64_t entries) {
  const bool may_be_empty = entries == 0 && !field.required;
  if (may_be_empty ||
      (entries >= field.minimum_entries && entries <= field.maximum_entries)) {
    return absl::OkStatus();
  }
  return FieldError(
      path, absl::StrCat("expected ", EntriesText(field), "; got ", entries));
}

absl::Status FieldError(const std::string& path, const std::string& message) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", message));
}

std::string JoinPath(const std::string& path, absl::string_view key) {
  if (path.empty()) return std::string(key);
  return absl::StrCat(path, ".", key);
}

std::string FormatNumber(double value) {
  constexpr double kPlainIntegers = 1e15;
  if (value == std::trunc(value) && std::abs(value) < kPlainIntegers) {
    return absl::StrCat(static_cast<int64_t>(value));
  }
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return std::string(buffer, result.ptr);
}

std::string RangeText(const SchemaField& field) {
  const bool below = std::isfinite(field.minimum);
  const bool above = std::isfinite(field.maximum);
  if (below && above) {
    return absl::StrCat(FormatNumber(field.minimum), " to ",
                        FormatNumber(field.maximum));
  }
  if (below) return absl::StrCat("at least ", FormatNumber(field.minimum));
  if (above) return absl::StrCat("at most ", FormatNumber(field.maximum));
  return "";
}

std::string EntriesText(const SchemaField& field) {
  return absl::StrCat(field.minimum_entries, " to ", field.maximum_entries,
                      " entries");
}

std::string ChoicesText(const SchemaField& field) {
  return absl::StrJoin(absl::StrSplit(field.choices, ' '), " or ");
}

}  // namespace merganser
