// Makes a candidate's weights from the seeds, in one pass over them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "common/genome/linear_recipe.h"
#include "common/genome/noise.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/seed_weights.h"
#include "common/genome/thread_team.h"
#include "common/genome/vector_kernels.h"

namespace merganser {

// Noise that is added to each parameter of a child.
struct Mutation {
  NoiseKey key;
  double sigma = 0;  // at least 0; 0: no noise
};

// Per element, in float32: acc = 0; for k = 0 … K-1, unless float(c_k) is zero,
// acc = fma(float(c_k), S_k, acc); with mutation, unless float(sigma) is zero,
// acc = fma(float(sigma), noise, acc), by the element's place in the parameter
// vector as AddNoise() does; then one rounding to nearest even into the
// output's dtype, a NaN into the quiet NaN with sign and payload zero. Seeds
// are widened exactly. The bits are the same on every CPU and for any number of
// threads (DESIGN.md section 4).
// Threads: one Run() at a time.
class Materialiser {
 public:
  // `team` is borrowed.
  explicit Materialiser(ThreadTeam& team);

  // Writes the parameter vector, length * DTypeBytes(dtype) bytes in the
  // layout's order. `seeds` were created with layout.parameters; the recipe is
  // valid for the layout (see Validate()). Allocates nothing once it has run
  // with as many seeds before.
  //
  // Errors: InvalidArgument when the numbers of seeds, chromosomes or bytes do
  // not fit; nothing is then written.
  absl::Status Run(const LinearRecipe& recipe, const GenomeLayout& layout,
                   std::span<const SeedWeights* const> seeds, DType dtype,
                   std::span<uint8_t> out);

  // The same, with tensor i at the place that tensor i of `placement` has,
  // which has as many elements or more; what lies between them is left as it
  // is. Shape: out is placement.length * DTypeBytes(format.held()).
  absl::Status RunInto(const ParameterLayout& placement,
                       const LinearRecipe& recipe, const GenomeLayout& layout,
                       std::span<const SeedWeights* const> seeds,
                       OutputFormat format, std::span<uint8_t> out);

  // The same of weights wherever they lie, each with one entry per tensor of
  // the layout and of its elements, and with mutation.
  absl::Status Run(const LinearRecipe& recipe, const GenomeLayout& layout,
                   std::span<const WeightTensors> weights,
                   const Mutation& mutation, DType dtype,
                   std::span<uint8_t> out);

 private:
  absl::Status Make(const ParameterLayout& placement,
                    const LinearRecipe& recipe, const GenomeLayout& layout,
                    std::span<const WeightTensors> weights,
                    const Mutation& mutation, OutputFormat format,
                    std::span<uint8_t> out);

  ThreadTeam& team_;
  std::vector<WeightTensors> weights_;              // of SeedWeights
  std::vector<std::vector<WeightedInput>> inputs_;  // [thread][seeds]
};

}  // namespace merganser
