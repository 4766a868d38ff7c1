#include "common/genome/offspring_digest.h"

#include <cassert>

namespace merganser {

Digest OffspringDigest(const OffspringDefinition& definition) {
  const auto& [split_blocks, mixes] = definition.draw;
  assert(split_blocks.size() == mixes.size());
  DigestBuilder builder;
  builder.String("merganser/genome/offspring/1")
      .Nested(definition.parent_a)
      .Nested(definition.parent_b)
      .U32(definition.crossover ? 1 : 0);
  const size_t chromosomes = definition.crossover ? mixes.size() : 0;
  builder.U64(chromosomes);
  for (size_t c = 0; c < chromosomes; ++c) {
    builder.I64(split_blocks[c]).F64(mixes[c]);
  }
  const auto& [key, sigma] = definition.mutation;
  return builder.F64(sigma)
      .U64(key.campaign_seed)
      .I64(key.sequence_number)
      .Finish();
}

Digest RandomSeedDigest(const ParameterLayout& layout, double init_sigma,
                        const NoiseKey& key) {
  DigestBuilder builder;
  builder.String("merganser/genome/random-seed/1").U64(layout.tensors.size());
  for (const TensorSlice& tensor : layout.tensors) builder.I64(tensor.elements);
  return builder.F64(init_sigma)
      .U64(key.campaign_seed)
      .I64(key.sequence_number)
      .Finish();
}

}  // namespace merganser
