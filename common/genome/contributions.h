// How much of each seed is in a candidate.
#pragma once

#include <string>
#include <vector>

#include "common/genome/linear_recipe.h"
#include "common/genome/parameter_layout.h"

namespace merganser {

// The share of seed k in a set of elements: the mean over them of |c_k|, each
// segment weighted by its number of elements, divided by the sum of that mean
// over all seeds. Shares are 0 … 1 and add up to 1; all are 0 where every
// coefficient is.
struct Contributions {
  struct Part {
    std::string name;
    std::vector<double> shares;  // [seeds]
  };

  std::vector<double> overall;  // [seeds]
  std::vector<Part> layers;     // in the order of the parameter vector
  std::vector<Part> tensors;    // likewise
};

// The recipe is valid for the layout.
Contributions ContributionsOf(const LinearRecipe& recipe,
                              const GenomeLayout& layout);

}  // namespace merganser
