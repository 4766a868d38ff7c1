#include "client/merge/recipe_file.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/json_fields.h"

namespace merganser {
namespace {

using nlohmann::json;

constexpr char kWinnerFormat[] = "merganser-winner/1";

absl::StatusOr<RecipeSeed> ReadSeed(const json& value,
                                    const std::string& where) {
  if (!value.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": expected an object"));
  }
  const JsonFields fields(value, where);
  RecipeSeed seed;
  ASSIGN_OR_RETURN(seed.name, fields.Text("name"));
  ASSIGN_OR_RETURN(seed.path, fields.Text("path", ""));
  ASSIGN_OR_RETURN(seed.hf, fields.Text("hf", ""));
  ASSIGN_OR_RETURN(const std::string digest, fields.Text("digest", ""));
  if (digest.empty()) return seed;
  const auto parsed = Digest::FromHex(digest);
  if (!parsed.ok()) {
    return fields.Error("digest", std::string(parsed.status().message()));
  }
  seed.digest = *parsed;
  return seed;
}

absl::Status ReadSeeds(const json& root, const std::string& path,
                       RecipeFile& file) {
  const auto seeds = root.find("seeds");
  if (seeds == root.end() || !seeds->is_array() ||
      seeds->size() != static_cast<size_t>(file.recipe.seeds)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": seeds: expected a list of ", file.recipe.seeds,
                     ", as many as the recipe has"));
  }
  for (size_t k = 0; k < seeds->size(); ++k) {
    ASSIGN_OR_RETURN(
        file.seeds.emplace_back(),
        ReadSeed((*seeds)[k], absl::StrCat(path, ": seeds[", k, "]")));
  }
  return absl::OkStatus();
}

// What a page says of the model beside its recipe.
absl::Status ReadModel(const json& root, const std::string& path,
                       RecipeFile& file) {
  const JsonFields fields(root, path);
  ASSIGN_OR_RETURN(file.weights_dtype, fields.Text("weights_dtype", ""));
  constexpr int64_t kMostRows = int64_t{1} << 31;
  ASSIGN_OR_RETURN(file.vocabulary,
                   fields.Integer("vocabulary", 0, kMostRows, 0));
  ASSIGN_OR_RETURN(const std::string tokenizer, fields.Text("tokenizer", ""));
  if (tokenizer.empty()) return absl::OkStatus();
  for (size_t k = 0; k < file.seeds.size(); ++k) {
    if (file.seeds[k].name != tokenizer) continue;
    file.tokenizer = static_cast<int>(k);
    return absl::OkStatus();
  }
  return fields.Error("tokenizer", "expected the name of a seed");
}

absl::Status ReadChromosomes(const json& root, const std::string& path,
                             RecipeFile& file) {
  const auto found = root.find("chromosomes");
  if (found == root.end()) return absl::OkStatus();
  const absl::Status wrong = absl::InvalidArgumentError(absl::StrCat(
      path,
      ": chromosomes: expected a list of objects with lists of names, "
      "tensors"));
  if (!found->is_array()) return wrong;
  for (const json& chromosome : *found) {
    if (!chromosome.is_object()) return wrong;
    const auto tensors = chromosome.find("tensors");
    if (tensors == chromosome.end() || !tensors->is_array()) return wrong;
    std::vector<std::string>& names = file.chromosomes.emplace_back();
    for (const json& tensor : *tensors) {
      if (!tensor.is_string()) return wrong;
      names.push_back(tensor.get<std::string>());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<LinearRecipe> ReadRecipe(const std::string& text,
                                        const std::string& path) {
  auto recipe = RecipeFromJson(text);
  if (!recipe.ok()) return Annotate(recipe.status(), path);
  return recipe;
}

}  // namespace

absl::StatusOr<RecipeFile> ParseRecipeFile(const std::string& text,
                                           const std::string& path) {
  ASSIGN_OR_RETURN(const json root, ParseJsonObject(text, path));
  RecipeFile file;
  if (root.value("format", json()) != kWinnerFormat) {
    ASSIGN_OR_RETURN(file.recipe, ReadRecipe(text, path));
    for (int k = 0; k < file.recipe.seeds; ++k) {
      file.seeds.push_back({.name = absl::StrCat(k)});
    }
    return file;
  }
  const auto recipe = root.find("recipe");
  if (recipe == root.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path,
        ": recipe: is missing; weights of a campaign from random seeds "
        "cannot be made of its seeds"));
  }
  ASSIGN_OR_RETURN(file.recipe, ReadRecipe(recipe->dump(), path));
  RETURN_IF_ERROR(ReadSeeds(root, path, file));
  RETURN_IF_ERROR(ReadModel(root, path, file));
  RETURN_IF_ERROR(ReadChromosomes(root, path, file));
  return file;
}

}  // namespace merganser
