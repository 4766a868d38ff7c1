#include "common/genome_proto/genome_proto.h"

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace merganser {

v1::LinearRecipe RecipeToProto(const LinearRecipe& recipe) {
  v1::LinearRecipe proto;
  proto.set_seeds(recipe.seeds);
  for (const ChromosomeRecipe& chromosome : recipe.chromosomes) {
    v1::ChromosomeRecipe* added = proto.add_chromosomes();
    added->mutable_starts()->Add(chromosome.starts.begin(),
                                 chromosome.starts.end());
    added->mutable_coefficients()->Add(chromosome.coefficients.begin(),
                                       chromosome.coefficients.end());
  }
  return proto;
}

absl::StatusOr<LinearRecipe> RecipeFromProto(const v1::LinearRecipe& proto) {
  if (proto.seeds() < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("recipe.seeds is ", proto.seeds(), "; at least 1"));
  }
  LinearRecipe recipe;
  recipe.seeds = proto.seeds();
  recipe.chromosomes.reserve(static_cast<size_t>(proto.chromosomes_size()));
  for (int c = 0; c < proto.chromosomes_size(); ++c) {
    const v1::ChromosomeRecipe& chromosome = proto.chromosomes(c);
    const int64_t expected = int64_t{chromosome.starts_size()} * proto.seeds();
    if (chromosome.coefficients_size() != expected) {
      return absl::InvalidArgumentError(
          absl::StrCat("recipe.chromosomes[", c, "].coefficients has ",
                       chromosome.coefficients_size(), " numbers; ",
                       chromosome.starts_size(), " segments of ", proto.seeds(),
                       " seeds need ", expected));
    }
    recipe.chromosomes.push_back(
        {{chromosome.starts().begin(), chromosome.starts().end()},
         {chromosome.coefficients().begin(), chromosome.coefficients().end()}});
  }
  return recipe;
}

absl::StatusOr<Digest> DigestFromProto(const std::string& bytes,
                                       const char* field) {
  auto digest = Digest::FromBytes(bytes);
  if (!digest.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " has ", bytes.size(), " bytes; a digest has 32"));
  }
  return digest;
}

}  // namespace merganser
