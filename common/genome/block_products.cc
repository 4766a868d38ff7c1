#include "common/genome/block_products.h"

#include <algorithm>

namespace merganser {
namespace {

// Elements of each vector that are widened at a time; a multiple of the lanes.
constexpr int64_t kTile = 2048;
static_assert(kTile % kGramLanes == 0);

double AddedPairwise(const std::array<double, kGramLanes>& lanes) {
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

// Widens elements begin … begin+count-1 of a chromosome, whose tensors may lie
// anywhere.
void Read(const GenomeLayout& layout, int chromosome, WeightTensors weights,
          int64_t begin, int64_t count, float* out) {
  const std::vector<int>& tensors = layout.chromosomes[chromosome].tensors;
  auto next = std::upper_bound(tensors.begin(), tensors.end(), begin,
                               [&layout](int64_t position, int tensor) {
                                 return position < layout.places[tensor].offset;
                               });
  for (auto tensor = next - 1; count > 0; ++tensor) {
    const int64_t skipped = begin - layout.places[*tensor].offset;
    const int64_t here =
        std::min(count, layout.parameters.tensors[*tensor].elements - skipped);
    const SeedWeights::Tensor& source = weights[*tensor];
    Widen(source.bytes.data() + skipped * DTypeBytes(source.dtype),
          source.dtype, here, out);
    out += here;
    begin += here;
    count -= here;
  }
}

void Subtract(const float* origin, int64_t count, float* values) {
  for (int64_t i = 0; i < count; ++i) values[i] -= origin[i];
}

}  // namespace

void BlockProducts::Sum(const GenomeLayout& layout, int chromosome,
                        const VectorsFromOrigin& of,
                        std::span<const VectorPair> pairs, int64_t begin,
                        int64_t end, double* sums) {
  const auto& [vectors, origin] = of;
  tiles_.resize(vectors.size() * kTile);
  if (!origin.empty()) origin_.resize(kTile);
  lanes_.resize(pairs.size());
  for (auto& lanes : lanes_) lanes.fill(0.0);
  for (int64_t tile = begin; tile < end; tile += kTile) {
    const int64_t count = std::min(kTile, end - tile);
    if (!origin.empty()) {
      Read(layout, chromosome, origin, tile, count, origin_.data());
    }
    for (size_t k = 0; k < vectors.size(); ++k) {
      float* const values = tiles_.data() + k * kTile;
      Read(layout, chromosome, vectors[k], tile, count, values);
      if (!origin.empty()) Subtract(origin_.data(), count, values);
    }
    for (size_t p = 0; p < pairs.size(); ++p) {
      AddProducts(tiles_.data() + pairs[p].first * kTile,
                  tiles_.data() + pairs[p].second * kTile, count, lanes_[p]);
    }
  }
  for (size_t p = 0; p < pairs.size(); ++p) sums[p] = AddedPairwise(lanes_[p]);
}

}  // namespace merganser
