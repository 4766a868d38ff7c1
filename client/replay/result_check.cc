#include "client/replay/result_check.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/results/summary.h"
#include "client/results/winner_folder.h"
#include "client/results/write_results.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/checkpoint.h"
#include "common/checkpoint/leading_rows.h"
#include "common/storage/file.h"
#include "common/storage/safetensors.h"

namespace merganser {
namespace {

using nlohmann::json;

// The one field of summary.json that the record does not have.
constexpr char kWallSeconds[] = "wall_seconds";
// Those that it has not had from the beginning: older folders lack them.
constexpr std::array<const char*, 5> kLaterFields = {
    "rejected_early", "parked", "parked_confirmed",
    "datapoint_evaluations_possible", "nan_chunks"};

std::string ShapeText(const TensorView& tensor) {
  return absl::StrCat(DTypeName(tensor.dtype), " [",
                      absl::StrJoin(tensor.shape, ", "), "]");
}

void CompareTensor(const TensorSlice& slice, DType dtype,
                   std::span<const uint8_t> expected, const TensorView& found,
                   DifferenceList& differences) {
  const std::string where = absl::StrCat(kWinnerFile, ", ", slice.name);
  const TensorView wanted{.dtype = dtype, .shape = slice.shape};
  differences.Compare(where, "type and shape", ShapeText(wanted),
                      ShapeText(found));
  if (expected.size() != found.bytes.size()) return;
  const auto [a, b] =
      std::mismatch(expected.begin(), expected.end(), found.bytes.begin());
  if (a == expected.end()) return;
  differences.Compare(where, absl::StrCat("byte ", a - expected.begin()),
                      int64_t{*a}, int64_t{*b});
}

// A language model's folder, or the file of any other.
absl::StatusOr<std::shared_ptr<const TensorSource>> OpenWinner(
    const std::string& folder, const ParameterLayout& layout) {
  const std::string winner = absl::StrCat(folder, "/", kWinnerFolder);
  if (!std::filesystem::is_directory(winner)) {
    return SafetensorsFile::Open(absl::StrCat(folder, "/", kWinnerFile));
  }
  ASSIGN_OR_RETURN(auto checkpoint, Checkpoint::Open(winner));
  // Rows that are kept from one seed are no part of the parameter vector.
  return LeadingRows(std::move(checkpoint), layout.tensors[0].shape[0]);
}

// Adds a difference per path at which two documents differ.
void CompareJson(const std::string& file, const json& expected,
                 const json& found, DifferenceList& differences) {
  const json::json_pointer root;
  for (const json& step : json::diff(expected, found)) {
    const json::json_pointer path(step["path"].get<std::string>());
    const auto show = [&](const json& page) {
      return page.contains(path) ? page[path].dump() : "nothing";
    };
    differences.Add({file, path == root ? "/" : path.to_string(),
                     show(expected), show(found)});
  }
}

// Compares a page with its file, or says that it is missing.
absl::Status ComparePage(const std::string& folder, const char* file,
                         const std::string& expected_text,
                         DifferenceList& differences,
                         std::vector<std::string>& missing) {
  const auto text = ReadFile(absl::StrCat(folder, "/", file));
  if (absl::IsNotFound(text.status())) {
    missing.emplace_back(file);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(text.status());
  json expected = json::parse(expected_text);
  json found = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (found.is_discarded()) {
    differences.Add({file, "contents", "JSON", "something else"});
    return absl::OkStatus();
  }
  if (found.is_object()) {
    found.erase(kWallSeconds);
    for (const char* field : kLaterFields) {
      if (!found.contains(field)) expected.erase(field);
    }
  }
  expected.erase(kWallSeconds);
  CompareJson(file, expected, found, differences);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckWinnerWeights(const std::string& folder,
                                const ParameterVector& weights,
                                DifferenceList& differences) {
  ASSIGN_OR_RETURN(const auto file, OpenWinner(folder, weights.layout));
  const std::vector<TensorSlice>& tensors = weights.layout.tensors;
  differences.Compare(kWinnerFile, "number of tensors",
                      static_cast<int64_t>(tensors.size()),
                      static_cast<int64_t>(file->names().size()));
  const int64_t element_bytes = DTypeBytes(weights.dtype);
  for (const TensorSlice& slice : tensors) {
    const auto found = file->Tensor(slice.name);
    if (!found.ok()) {
      differences.Add({kWinnerFile, slice.name, "a tensor of this name",
                       std::string(found.status().message())});
      continue;
    }
    CompareTensor(slice, weights.dtype,
                  std::span<const uint8_t>(weights.bytes)
                      .subspan(slice.offset * element_bytes,
                               slice.elements * element_bytes),
                  *found, differences);
  }
  return absl::OkStatus();
}

absl::Status CheckPages(const std::string& folder, const Winner& winner,
                        const v1::ExportHeader& header,
                        DifferenceList& differences,
                        std::vector<std::string>& missing) {
  ASSIGN_OR_RETURN(const std::string recipe,
                   WinnerRecipeJson(winner, header.campaign().spec()));
  RETURN_IF_ERROR(
      ComparePage(folder, kWinnerRecipeFile, recipe, differences, missing));
  return ComparePage(folder, kSummaryFile,
                     SummaryToJson(MakeSummary(header, std::nullopt)),
                     differences, missing);
}

}  // namespace merganser
