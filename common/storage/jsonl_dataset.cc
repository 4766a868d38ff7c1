#include "common/storage/jsonl_dataset.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/storage/text_file.h"

namespace merganser {
namespace {

using nlohmann::json;

constexpr std::string_view kParquetMagic = "PAR1";
constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";
constexpr std::string_view kUtf16Marks[] = {"\xFF\xFE", "\xFE\xFF"};

// A name as a message shows it: short, without control characters.
std::string Quoted(const std::string& name) {
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(name.substr(0, 80)), "\"");
}

absl::Status ParquetError(const std::string& path) {
  return absl::InvalidArgumentError(absl::StrCat(
      path,
      ": is Parquet; expected JSONL, one JSON object per line. To convert it: "
      "python3 -c \"import pandas; pandas.read_parquet('IN.parquet')"
      ".to_json('OUT.jsonl', orient='records', lines=True)\""));
}

bool IsTexts(const json& value) {
  return value.is_array() &&
         std::all_of(value.begin(), value.end(),
                     [](const json& entry) { return entry.is_string(); });
}

absl::StatusOr<JsonlValue> ReadValue(const JsonlField& field,
                                     const json& value) {
  const auto wrong = [&](const char* expected) {
    return absl::InvalidArgumentError(
        absl::StrCat("field ", Quoted(field.name), ": expected ", expected,
                     "; got ", value.type_name()));
  };
  if (field.type == JsonlField::Type::kTexts) {
    if (!IsTexts(value)) return wrong("an array of strings");
    return value.get<std::vector<std::string>>();
  }
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  return wrong("a string, a number or a boolean");
}

// Keeps of a line what is asked for, so that what else it holds takes no
// memory. A field's value is at most a list of texts: deeper ones are kept as
// empty, for their type.
class LineFilter {
 public:
  LineFilter(const std::vector<JsonlField>& fields, int64_t maximum_texts)
      : fields_(fields), maximum_texts_(maximum_texts) {}

  bool Keeps(int depth, json::parse_event_t event, const json& value) {
    if (depth == 0) {
      is_object_ = is_object_ || event == json::parse_event_t::object_start;
      return true;
    }
    if (!is_object_) return false;
    if (depth == 1 && event == json::parse_event_t::key) {
      texts_ = 0;
      is_wanted_ = IsWanted(value.get_ref<const std::string&>());
      return is_wanted_;
    }
    if (depth == 1) return true;
    if (depth > 2 || !is_wanted_) return false;
    if (IsBegin(event)) ++texts_;
    too_many_texts_ = too_many_texts_ || texts_ > maximum_texts_;
    return texts_ <= maximum_texts_;
  }

  bool too_many_texts() const { return too_many_texts_; }

 private:
  bool IsWanted(const std::string& name) const {
    return std::any_of(
        fields_.begin(), fields_.end(),
        [&](const JsonlField& field) { return field.name == name; });
  }
  static bool IsBegin(json::parse_event_t event) {
    return event == json::parse_event_t::value ||
           event == json::parse_event_t::array_start ||
           event == json::parse_event_t::object_start;
  }

  const std::vector<JsonlField>& fields_;
  const int64_t maximum_texts_;
  bool is_object_ = false;
  bool is_wanted_ = false;  // the present field
  int64_t texts_ = 0;       // of the present field
  bool too_many_texts_ = false;
};

absl::StatusOr<json> ParseLine(std::string_view line,
                               const JsonlOptions& options) {
  LineFilter filter(options.fields, options.maximum_texts);
  try {
    json object = json::parse(
        line, [&](int depth, json::parse_event_t event, json& value) {
          return filter.Keeps(depth, event, value);
        });
    if (!filter.too_many_texts()) return object;
    return absl::InvalidArgumentError(
        absl::StrCat("expected at most ", options.maximum_texts,
                     " values in the list of a field; got more"));
  } catch (const json::parse_error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("is not JSON, at byte ", error.byte,
                     "; expected one JSON object per line"));
  } catch (const json::exception&) {
    return absl::InvalidArgumentError(
        "is not JSON: a number is out of a double's range");
  }
}

absl::StatusOr<std::vector<JsonlValue>> ReadRow(std::string_view line,
                                                const JsonlOptions& options) {
  ASSIGN_OR_RETURN(const json object, ParseLine(line, options));
  if (!object.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected one JSON object per line; got ", object.type_name()));
  }
  std::vector<JsonlValue> values;
  values.reserve(options.fields.size());
  for (const JsonlField& field : options.fields) {
    const auto found = object.find(field.name);
    if (found == object.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("has no field ", Quoted(field.name)));
    }
    ASSIGN_OR_RETURN(JsonlValue value, ReadValue(field, *found));
    values.push_back(std::move(value));
  }
  return values;
}

// Turns the lines of a text into rows.
class JsonlParser {
 public:
  JsonlParser(std::string_view text, const JsonlOptions& options,
              JsonlDataset& dataset)
      : text_(text), options_(options), dataset_(dataset) {}

  absl::Status ParseAll() {
    while (!text_.empty()) {
      ++line_;
      const std::string_view line = NextLine();
      if (static_cast<int64_t>(line.size()) > options_.maximum_line_bytes) {
        return Error(absl::StrCat("expected at most ",
                                  options_.maximum_line_bytes,
                                  " bytes in a line; got ", line.size()));
      }
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      if (IsWanted(file_rows_++)) RETURN_IF_ERROR(AddRow(line));
    }
    if (file_rows_ == 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          dataset_.path, ": is empty; expected JSON objects, one per line"));
    }
    return CheckRange();
  }

 private:
  std::string_view NextLine() {
    const size_t end = std::min(text_.find('\n'), text_.size());
    const std::string_view line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    return line;
  }

  bool IsWanted(int64_t row) const {
    return row >= options_.begin.value_or(0) &&
           (!options_.end.has_value() || row < *options_.end);
  }

  absl::Status AddRow(std::string_view line) {
    auto values = ReadRow(line, options_);
    if (!values.ok()) return Error(std::string(values.status().message()));
    dataset_.rows.push_back({.line = line_, .values = *std::move(values)});
    return absl::OkStatus();
  }

  absl::Status CheckRange() {
    const int64_t begin = options_.begin.value_or(0);
    const int64_t end = options_.end.value_or(file_rows_);
    dataset_.first_row = begin;
    if (begin >= 0 && end <= file_rows_ && begin < end) {
      return absl::OkStatus();
    }
    return absl::OutOfRangeError(absl::StrCat(
        dataset_.path, ": rows [", begin, ", ", end,
        ") were asked for; expected a part of the file's rows [0, ", file_rows_,
        ") that is not empty"));
  }

  absl::Status Error(const std::string& message) const {
    return absl::InvalidArgumentError(
        absl::StrCat(dataset_.path, ":", line_, ": ", message));
  }

  std::string_view text_;  // what is not parsed yet
  const JsonlOptions& options_;
  JsonlDataset& dataset_;
  int64_t line_ = 0;
  int64_t file_rows_ = 0;  // seen so far
};

}  // namespace

absl::StatusOr<JsonlDataset> ReadJsonlDataset(const std::string& path,
                                              const JsonlOptions& options) {
  if (absl::EndsWithIgnoreCase(path, ".parquet")) return ParquetError(path);
  ASSIGN_OR_RETURN(const TextFile file,
                   ReadTextFile(path, options.maximum_bytes));
  if (file.text.starts_with(kParquetMagic)) return ParquetError(path);
  std::string_view text = file.text;
  for (const std::string_view mark : kUtf16Marks) {
    if (!text.starts_with(mark)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is UTF-16; expected JSONL in UTF-8"));
  }
  if (text.starts_with(kUtf8Mark)) text.remove_prefix(kUtf8Mark.size());
  JsonlDataset dataset;
  dataset.path = path;
  dataset.fields = options.fields;
  dataset.file_digest = file.file_digest;
  RETURN_IF_ERROR(JsonlParser(text, options, dataset).ParseAll());
  return dataset;
}

std::string PlaceOf(const JsonlDataset& dataset, const JsonlRow& row) {
  return absl::StrCat(dataset.path, ":", row.line);
}

}  // namespace merganser
