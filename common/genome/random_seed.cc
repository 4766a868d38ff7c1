#include "common/genome/random_seed.h"

#include <algorithm>
#include <array>

#include "common/genome/vector_kernels.h"

namespace merganser {
namespace {

// Elements that a thread makes at a time.
constexpr int64_t kElementsPerItem = int64_t{1} << 16;
// Elements of which the noise is made before it is rounded.
constexpr int64_t kNoiseElements = 4096;

}  // namespace

void MakeRandomSeed(const NoiseKey& key, double sigma, DType dtype,
                    ThreadTeam& team, std::span<uint8_t> out) {
  const int64_t element_bytes = DTypeBytes(dtype);
  const auto length = static_cast<int64_t>(out.size()) / element_bytes;
  const int64_t items = (length + kElementsPerItem - 1) / kElementsPerItem;
  team.Run(items, [&](int64_t item, int) {
    alignas(64) std::array<float, kNoiseElements> noise;
    const int64_t end = std::min(length, (item + 1) * kElementsPerItem);
    for (int64_t begin = item * kElementsPerItem; begin < end;
         begin += kNoiseElements) {
      const int64_t count = std::min(kNoiseElements, end - begin);
      FillNoise(key, /*sigma=*/1.0f, begin, std::span(noise).first(count));
      const WeightedInput input{reinterpret_cast<const uint8_t*>(noise.data()),
                                DType::kF32, static_cast<float>(sigma)};
      Combine({&input, 1}, count, {dtype}, /*streaming=*/false,
              out.data() + begin * element_bytes);
    }
  });
}

}  // namespace merganser
