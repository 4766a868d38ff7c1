// A small campaign for tests: real seeds, scores by hash.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/schedule/ordered_schedule.h"

namespace merganser {

// Two seeds of nine parameters each. Of recipes: written to a directory as
// seed_0 and seed_1 (.safetensors), with the Gram sums of both. Of weights:
// random, and without files and sums.
struct FakeCampaign {
  ScheduleOptions options;
  std::shared_ptr<const GramSums> gram;
  std::vector<std::string> seed_paths;  // with a base, that behind them
};

// Aborts the test process if it cannot be made.
FakeCampaign MakeFakeCampaign(const std::string& directory, int64_t window,
                              int64_t datapoints = 40, int chunk_size = 16);
// One of recipes over two seeds and a base, seed_2, with two chromosomes and
// noise on coefficients.
FakeCampaign MakeFakeBaseCampaign(const std::string& directory, int64_t window,
                                  int64_t datapoints = 40, int chunk_size = 16);
// One that keeps weights.
FakeCampaign MakeFakeScratchCampaign(int64_t window, int64_t datapoints = 40,
                                     int chunk_size = 16);
inline constexpr double kFakeInitSigma = 0.01;

// A score per datapoint from the genome and the datapoint alone, one in three
// of them 1.
std::vector<uint32_t> FakeScores(const Digest& genome, int64_t datapoints);
// Where weights are kept: bytes in the place of a candidate's weights, which
// follow from its definition alone, and their digest.
std::string FakeBlob(const Digest& genome);
Digest FakeWeights(const Digest& genome);
// Those of the campaign's seeds.
std::vector<Digest> FakeSeedWeights(const FakeCampaign& campaign);
std::vector<std::vector<uint32_t>> FakeSeedScores(const FakeCampaign& campaign);

}  // namespace merganser
