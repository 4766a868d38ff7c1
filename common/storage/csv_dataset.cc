#include "common/storage/csv_dataset.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/storage/text_file.h"

namespace merganser {
namespace {

std::string_view Trimmed(std::string_view field) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!field.empty() && is_blank(field.front())) field.remove_prefix(1);
  while (!field.empty() && is_blank(field.back())) field.remove_suffix(1);
  return field;
}

// A field as a message shows it: short, without control characters.
std::string Quoted(std::string_view field) {
  const std::string shown(field.substr(0, 40));
  return absl::StrCat("\"", absl::CHexEscape(shown),
                      field.size() > shown.size() ? "…\"" : "\"");
}

// Turns the lines of a text into the rows of a dataset.
class CsvParser {
 public:
  CsvParser(std::string_view text, double scale, CsvDataset& dataset)
      : text_(text), scale_(scale), dataset_(dataset) {}

  absl::Status ParseAll() {
    while (!text_.empty()) {
      ++line_;
      RETURN_IF_ERROR(ParseLine(NextLine()));
    }
    dataset_.rows = line_;
    dataset_.columns = columns_ - 1;
    if (line_ > 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(dataset_.path, ": is empty; expected rows of numbers"));
  }

 private:
  std::string_view NextLine() {
    const size_t end = std::min(text_.find('\n'), text_.size());
    std::string_view line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
  }

  absl::Status ParseLine(std::string_view line) {
    const int64_t columns = std::count(line.begin(), line.end(), ',') + 1;
    if (line_ == 1) columns_ = columns;
    if (columns_ < 2) {
      return Error("expected at least 2 columns, a feature and the label");
    }
    if (columns != columns_) {
      return Error(absl::StrCat("expected ", columns_,
                                " columns, as in line 1; got ", columns));
    }
    for (int64_t column = 1; column < columns; ++column) {
      const size_t comma = line.find(',');
      RETURN_IF_ERROR(ParseFeature(column, Trimmed(line.substr(0, comma))));
      line.remove_prefix(comma + 1);
    }
    return ParseLabel(Trimmed(line));
  }

  absl::Status ParseFeature(int64_t column, std::string_view field) {
    double value = 0;
    const char* const end = field.data() + field.size();
    const auto result = std::from_chars(field.data(), end, value);
    if (result.ec == std::errc::invalid_argument || result.ptr != end) {
      return Error(absl::StrCat("column ", column, ": ", Quoted(field),
                                " is no number"));
    }
    const auto feature = static_cast<float>(value * scale_);
    if (result.ec != std::errc() || !std::isfinite(feature)) {
      const bool by_itself =
          result.ec != std::errc() || !std::isfinite(static_cast<float>(value));
      return Error(
          absl::StrCat("column ", column, ": ", Quoted(field),
                       by_itself ? " is not finite, or out of a float's range"
                                 : absl::StrCat(" times the scale ", scale_,
                                                " is out of a float's range")));
    }
    dataset_.features.push_back(feature);
    return absl::OkStatus();
  }

  absl::Status ParseLabel(std::string_view field) {
    int32_t label = 0;
    const char* const end = field.data() + field.size();
    const auto result = std::from_chars(field.data(), end, label);
    if (result.ec != std::errc() || result.ptr != end) {
      return Error(absl::StrCat("label ", Quoted(field),
                                " is not an integer of 32 bits"));
    }
    if (label < 0) {
      return Error(absl::StrCat("label ", label, " is negative"));
    }
    dataset_.labels.push_back(label);
    return absl::OkStatus();
  }

  absl::Status Error(const std::string& message) const {
    return absl::InvalidArgumentError(
        absl::StrCat(dataset_.path, ":", line_, ": ", message));
  }

  std::string_view text_;  // what is not parsed yet
  double scale_;
  CsvDataset& dataset_;
  int64_t line_ = 0;
  int64_t columns_ = 0;  // label included
};

// Keeps rows begin … end-1 alone.
absl::Status Select(const CsvOptions& options, CsvDataset& dataset) {
  const int64_t begin = options.begin.value_or(0);
  const int64_t end = options.end.value_or(dataset.rows);
  if (begin < 0 || end > dataset.rows || begin >= end) {
    return absl::OutOfRangeError(absl::StrCat(
        dataset.path, ": rows [", begin, ", ", end,
        ") were asked for; expected a part of the file's rows [0, ",
        dataset.rows, ") that is not empty"));
  }
  dataset.labels.erase(dataset.labels.begin() + end, dataset.labels.end());
  dataset.labels.erase(dataset.labels.begin(), dataset.labels.begin() + begin);
  auto& features = dataset.features;
  features.erase(features.begin() + end * dataset.columns, features.end());
  features.erase(features.begin(), features.begin() + begin * dataset.columns);
  dataset.first_row = begin;
  dataset.rows = end - begin;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CsvDataset> ReadCsvDataset(const std::string& path,
                                          const CsvOptions& options) {
  ASSIGN_OR_RETURN(const TextFile file,
                   ReadTextFile(path, options.maximum_bytes));
  CsvDataset dataset;
  dataset.path = path;
  dataset.file_digest = file.file_digest;
  RETURN_IF_ERROR(CsvParser(file.text, options.scale, dataset).ParseAll());
  RETURN_IF_ERROR(Select(options, dataset));
  return dataset;
}

absl::Status CheckLabels(const CsvDataset& dataset, int64_t classes) {
  const auto wrong =
      std::find_if(dataset.labels.begin(), dataset.labels.end(),
                   [classes](int32_t label) { return label >= classes; });
  if (wrong == dataset.labels.end()) return absl::OkStatus();
  const int64_t line = dataset.first_row + (wrong - dataset.labels.begin()) + 1;
  return absl::InvalidArgumentError(
      absl::StrCat(dataset.path, ":", line, ": label ", *wrong,
                   " is not below the number of classes, ", classes));
}

}  // namespace merganser
