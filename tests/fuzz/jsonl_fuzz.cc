// Any bytes as a JSONL file: what is read has the fields that were asked for,
// in UTF-8, and no more than the limits.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "common/storage/jsonl_dataset.h"
#include "tests/fuzz/memory_file.h"

namespace {

using merganser::JsonlField;
using merganser::JsonlRow;

constexpr int64_t kMostTexts = 8;

void Require(bool condition) {
  if (!condition) abort();
}

// Throws unless it is UTF-8.
void RequireText(const std::string& text) { nlohmann::json(text).dump(); }

void CheckRow(const std::vector<JsonlField>& fields, const JsonlRow& row) {
  Require(row.line > 0 && row.values.size() == fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].type == JsonlField::Type::kText) {
      RequireText(std::get<std::string>(row.values[i]));
      continue;
    }
    const auto& texts = std::get<std::vector<std::string>>(row.values[i]);
    Require(static_cast<int64_t>(texts.size()) <= kMostTexts);
    for (const std::string& text : texts) RequireText(text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const merganser::MemoryFile memory;
  memory.Write(data, size);
  const merganser::JsonlOptions options = {
      .fields = {{.name = "q", .type = JsonlField::Type::kText},
                 {.name = "c", .type = JsonlField::Type::kTexts}},
      .maximum_bytes = int64_t{1} << 20,
      .maximum_line_bytes = int64_t{1} << 16,
      .maximum_texts = kMostTexts};
  const auto dataset = merganser::ReadJsonlDataset(memory.path(), options);
  if (!dataset.ok()) {
    Require(std::string(dataset.status().message()).starts_with(memory.path()));
    return 0;
  }
  Require(!dataset->rows.empty());
  for (const JsonlRow& row : dataset->rows) CheckRow(options.fields, row);
  return 0;
}
