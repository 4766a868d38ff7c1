// The names of candidates that are kept as weights: how they are made, so that
// a name is known before the weights are.
#pragma once

#include "common/base/digest.h"
#include "common/genome/crossover.h"
#include "common/genome/materialise.h"
#include "common/genome/noise.h"
#include "common/genome/parameter_layout.h"

namespace merganser {

// Everything that makes a child of given parents.
struct OffspringDefinition {
  // Of the parents' weights: SHA-256 of their parameter vectors' bytes.
  Digest parent_a;
  Digest parent_b;
  // False: the child is A before mutation, and `draw` is not looked at.
  bool crossover = true;
  CrossoverDraw draw;
  Mutation mutation;
};

// SHA-256 of a definition; docs/formats.md.
Digest OffspringDigest(const OffspringDefinition& definition);

// SHA-256 of a random seed's definition: the elements of each tensor, in their
// order, the standard deviation and the key of the noise; docs/formats.md.
Digest RandomSeedDigest(const ParameterLayout& layout, double init_sigma,
                        const NoiseKey& key);

}  // namespace merganser
