// Checks of one value against its row of the campaign file's table.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/campaign_spec/campaign_schema.h"

namespace merganser {

// Checks a value, of a number or of a text, against its row.
// Errors: InvalidArgument that begins with `path`, "search.alpha".
absl::Status CheckNumber(const SchemaField& field, const std::string& path,
                         double value);
absl::Status CheckText(const SchemaField& field, const std::string& path,
                       const std::string& text);
absl::Status CheckEntries(const SchemaField& field, const std::string& path,
                          int64_t entries);

// "path: message" as InvalidArgument.
absl::Status FieldError(const std::string& path, const std::string& message);

// A key below a path: "search" + "alpha"; the root's path is empty.
std::string JoinPath(const std::string& path, absl::string_view key);

// The shortest decimal that reads back as the same number.
std::string FormatNumber(double value);

// "mlp or llama": a row's choices; "2 to 10000", "at least 0": its range, empty
// if it has none; "1 to 64 entries": how many a list has.
std::string ChoicesText(const SchemaField& field);
std::string RangeText(const SchemaField& field);
std::string EntriesText(const SchemaField& field);

}  // namespace merganser
