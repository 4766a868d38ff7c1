// What a merge computes, tensor by tensor, before a weight is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/genome/linear_recipe.h"
#include "common/genome/parameter_layout.h"

namespace merganser {

// A tensor of one of the models that are merged.
struct MergeInput {
  int source = 0;      // which model
  std::string tensor;  // its name there

  friend bool operator==(const MergeInput&, const MergeInput&) = default;
};

// Elements from `begin` to the next segment are sums of the inputs with these
// coefficients, one per input.
struct MergeSegment {
  int64_t begin = 0;
  std::vector<double> coefficients;

  friend bool operator==(const MergeSegment&, const MergeSegment&) = default;
};

struct MergeTensor {
  enum class Kind {
    kLinear,  // by `segments`
    kCopy,    // of the only input, bit for bit where the dtype is the same
    kSlerp,   // of two inputs at `t`; the coefficients follow from the weights
  };

  std::string name;
  std::vector<int64_t> shape;
  int64_t elements = 0;
  Kind kind = Kind::kLinear;
  std::vector<MergeInput> inputs;
  std::vector<MergeSegment> segments;  // the first begins at 0
  double t = 0;
};

struct MergePlan {
  std::vector<MergeTensor> tensors;  // in the order of the parameter vector
  // The source whose config, tokenizer and so on the result gets.
  int donor = 0;
  int64_t layers = 0;  // of the result; 0 where that means nothing
};

// The plan of a recipe over `seeds` models with this layout.
// Errors: those of Validate().
absl::StatusOr<MergePlan> PlanOfRecipe(const LinearRecipe& recipe, int seeds,
                                       const GenomeLayout& layout);

}  // namespace merganser
