// Seeds of campaigns from scratch: noise instead of a file.
#pragma once

#include <cstdint>
#include <span>

#include "common/genome/noise.h"
#include "common/genome/thread_team.h"
#include "common/storage/dtype.h"

namespace merganser {

// Writes a random seed's parameter vector: element i is float(sigma) times
// noise i of the purpose kSeedWeights, rounded to float32, then into `dtype`.
// D = the number of bytes by those of an element.
// Threads: safe; the team runs nothing else meanwhile.
void MakeRandomSeed(const NoiseKey& key, double sigma, DType dtype,
                    ThreadTeam& team, std::span<uint8_t> out);

}  // namespace merganser
