// Datapoints of text: JSON Lines, one JSON object per line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/digest.h"

namespace merganser {

// A field that every row must have.
struct JsonlField {
  enum class Type {
    kText,   // a string; a number or a boolean, which is kept as JSON has it
    kTexts,  // an array of strings
  };

  std::string name;
  Type type = Type::kText;

  friend bool operator==(const JsonlField&, const JsonlField&) = default;
};

// The value of one field: of the type that was asked for.
using JsonlValue = std::variant<std::string, std::vector<std::string>>;

struct JsonlRow {
  int64_t line = 0;                // of the file, from 1
  std::vector<JsonlValue> values;  // one per field that was asked for
};

// The rows of a JSONL file that were asked for.
struct JsonlDataset {
  std::string path;
  int64_t first_row = 0;           // of the file, from 0
  std::vector<JsonlField> fields;  // those that were asked for
  std::vector<JsonlRow> rows;      // at least one
  Digest file_digest;              // SHA-256 of the file's bytes, as stored
};

struct JsonlOptions {
  // Rows begin … end-1, from 0; absent: from the file's start, to its end.
  std::optional<int64_t> begin;
  std::optional<int64_t> end;
  // What is kept of each row; further fields of a line are of no concern,
  // whatever they hold.
  std::vector<JsonlField> fields;
  // The most that the text may have, unpacked, that one line may have, and that
  // a list may hold.
  int64_t maximum_bytes = int64_t{1} << 32;
  int64_t maximum_line_bytes = int64_t{16} << 20;
  int64_t maximum_texts = 1024;
};

// Reads a JSONL file. A file that starts with the gzip magic is unpacked; a
// byte order mark of UTF-8 at its start is no part of it. Lines of white space
// alone are skipped and are no rows. Lines of other rows than those asked for
// are counted and not read. Errors: InvalidArgument "file:line: what was
// expected" for a line that is not JSON in UTF-8, is no object, or lacks a
// field or has one of another type, or for more than the options allow;
// InvalidArgument for UTF-16; InvalidArgument for Parquet, by its magic or its
// suffix, that says how to convert it; OutOfRange for rows that the file does
// not have; else what ReadTextFile() says.
absl::StatusOr<JsonlDataset> ReadJsonlDataset(const std::string& path,
                                              const JsonlOptions& options);

// "file:line", where a row stands.
std::string PlaceOf(const JsonlDataset& dataset, const JsonlRow& row);

}  // namespace merganser
