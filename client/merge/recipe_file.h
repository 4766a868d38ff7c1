// A recipe with the seeds that it is a recipe of.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/genome/linear_recipe.h"

namespace merganser {

struct RecipeSeed {
  std::string name;
  std::string path;  // empty: not known
  std::string hf;    // "org/name@revision" of the Hugging Face cache, or empty
  std::optional<Digest> digest;
};

struct RecipeFile {
  LinearRecipe recipe;
  std::vector<RecipeSeed> seeds;  // in the recipe's order
  // Empty: that of the seeds.
  std::string weights_dtype;
  // The seed whose tokenizer, configs and further rows the result gets.
  int tokenizer = 0;
  // Rows of embedding and head that are merged; 0: all.
  int64_t vocabulary = 0;
  // Names of tensors by chromosome; empty: all are in one.
  std::vector<std::vector<std::string>> chromosomes;
};

// `text` is a winner_recipe.json of a campaign, or a recipe alone, whose seeds
// are then called "0", "1", …
// Errors: InvalidArgument "path: …" naming the field.
absl::StatusOr<RecipeFile> ParseRecipeFile(const std::string& text,
                                           const std::string& path);

}  // namespace merganser
