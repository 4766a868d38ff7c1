// Any text as the JSON of a recipe; what is taken comes back as it was.
#include <cstdlib>
#include <string>

#include "common/genome/linear_recipe.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto recipe = merganser::RecipeFromJson(text);
  if (!recipe.ok()) return 0;
  const auto back = merganser::RecipeFromJson(merganser::RecipeToJson(*recipe));
  if (!back.ok() || !(*back == *recipe)) abort();
  return 0;
}
