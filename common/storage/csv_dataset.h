// A classification dataset from a file of comma-separated numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/digest.h"

namespace merganser {

// The rows of a CSV file that were asked for.
struct CsvDataset {
  std::string path;
  int64_t first_row = 0;        // of the file, 0-based; row r is line r + 1
  int64_t rows = 0;             // at least 1
  int64_t columns = 0;          // features of a row, at least 1
  std::vector<float> features;  // [rows][columns], row-major
  std::vector<int32_t> labels;  // [rows], each at least 0
  Digest file_digest;           // SHA-256 of the file's bytes, as stored
};

struct CsvOptions {
  // Rows begin … end-1 of the file, 0-based; absent: from its start, to its
  // end.
  std::optional<int64_t> begin;
  std::optional<int64_t> end;
  // Each feature is multiplied by this in double, then rounded to float.
  double scale = 1.0;
  // The most that the text may have, unpacked.
  int64_t maximum_bytes = int64_t{1} << 32;
};

// Reads a CSV file: no header, a row of numbers per line, the last of them the
// label, an integer. A file that starts with the gzip magic is unpacked.
// Errors: InvalidArgument "file:line: what was expected" for content, in any of
// the file's rows; OutOfRange for rows that the file does not have; else what
// ReadFile() says.
absl::StatusOr<CsvDataset> ReadCsvDataset(const std::string& path,
                                          const CsvOptions& options);

// Errors: InvalidArgument "file:line" for the first label that is not below
// `classes`.
absl::Status CheckLabels(const CsvDataset& dataset, int64_t classes);

}  // namespace merganser
