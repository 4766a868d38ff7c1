// Genomes on the wire, to and from the plain structs that compute.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/genome/linear_recipe.h"
#include "merganser/v1/genome.pb.h"

namespace merganser {

v1::LinearRecipe RecipeToProto(const LinearRecipe& recipe);
// Errors: InvalidArgument naming the field, when the coefficients are not
// segments x seeds. Validate() checks the rest.
absl::StatusOr<LinearRecipe> RecipeFromProto(const v1::LinearRecipe& proto);

// The digest's 32 bytes, or InvalidArgument naming `field`.
absl::StatusOr<Digest> DigestFromProto(const std::string& bytes,
                                       const char* field);

}  // namespace merganser
