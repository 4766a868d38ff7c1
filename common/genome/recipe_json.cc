#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/genome/linear_recipe.h"
#include "common/storage/bounded_json.h"

namespace merganser {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr char kFormat[] = "merganser-recipe/1";
constexpr int kMaximumDepth = 5;  // file, chromosomes, one, coefficients, row

absl::Status FieldError(const std::string& field, const char* expected) {
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": expected ", expected));
}

absl::StatusOr<int64_t> ReadInteger(const json& value,
                                    const std::string& field) {
  if (!value.is_number_unsigned() ||
      value.get<uint64_t>() > std::numeric_limits<int64_t>::max()) {
    return FieldError(field, "an integer of 0 to 2^63 - 1");
  }
  return value.get<int64_t>();
}

absl::Status ReadRow(const json& row, const std::string& field, int seeds,
                     std::vector<double>& coefficients) {
  if (!row.is_array() || row.size() != static_cast<size_t>(seeds)) {
    return FieldError(field, "a list of one number per seed");
  }
  for (const json& value : row) {
    if (!value.is_number()) return FieldError(field, "numbers");
    coefficients.push_back(value.get<double>());
  }
  return absl::OkStatus();
}

absl::StatusOr<ChromosomeRecipe> ReadChromosome(const json& value,
                                                const std::string& field,
                                                int seeds) {
  if (!value.is_object() || value.size() != 2 || !value.contains("starts") ||
      !value.contains("coefficients")) {
    return FieldError(field, "an object of starts and coefficients");
  }
  const json& starts = value["starts"];
  const json& rows = value["coefficients"];
  if (!starts.is_array() || !rows.is_array() || starts.size() != rows.size()) {
    return FieldError(field, "as many coefficients as starts, in two lists");
  }
  ChromosomeRecipe recipe;
  for (size_t s = 0; s < starts.size(); ++s) {
    ASSIGN_OR_RETURN(
        recipe.starts.emplace_back(),
        ReadInteger(starts[s], absl::StrCat(field, ".starts[", s, "]")));
    RETURN_IF_ERROR(ReadRow(rows[s],
                            absl::StrCat(field, ".coefficients[", s, "]"),
                            seeds, recipe.coefficients));
  }
  return recipe;
}

}  // namespace

std::string RecipeToJson(const LinearRecipe& recipe) {
  ordered_json root = {{"format", kFormat},
                       {"seeds", recipe.seeds},
                       {"chromosomes", ordered_json::array()}};
  for (const ChromosomeRecipe& chromosome : recipe.chromosomes) {
    ordered_json rows = ordered_json::array();
    const std::vector<double>& values = chromosome.coefficients;
    for (size_t i = 0; i < values.size(); i += recipe.seeds) {
      rows.push_back(std::vector<double>(values.begin() + i,
                                         values.begin() + i + recipe.seeds));
    }
    root["chromosomes"].push_back(
        {{"starts", chromosome.starts}, {"coefficients", rows}});
  }
  return root.dump();
}

absl::StatusOr<LinearRecipe> RecipeFromJson(const std::string& text) {
  const json root = ParseBoundedJson<json>(text, kMaximumDepth);
  if (!root.is_object() || root.size() != 3 || !root.contains("format") ||
      !root.contains("seeds") || !root.contains("chromosomes")) {
    return FieldError("recipe",
                      "a JSON object of format, seeds and chromosomes");
  }
  if (root["format"] != kFormat) {
    return FieldError("format", "\"merganser-recipe/1\"");
  }
  ASSIGN_OR_RETURN(const int64_t seeds, ReadInteger(root["seeds"], "seeds"));
  if (seeds < 1 || seeds > std::numeric_limits<int>::max()) {
    return FieldError("seeds", "at least 1");
  }
  const json& chromosomes = root["chromosomes"];
  if (!chromosomes.is_array()) return FieldError("chromosomes", "a list");
  LinearRecipe recipe{.seeds = static_cast<int>(seeds), .chromosomes = {}};
  for (size_t c = 0; c < chromosomes.size(); ++c) {
    ASSIGN_OR_RETURN(
        recipe.chromosomes.emplace_back(),
        ReadChromosome(chromosomes[c], absl::StrCat("chromosomes[", c, "]"),
                       recipe.seeds));
  }
  return recipe;
}

}  // namespace merganser
