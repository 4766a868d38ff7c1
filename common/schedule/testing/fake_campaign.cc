#include "common/schedule/testing/fake_campaign.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/genome/thread_team.h"
#include "common/storage/safetensors.h"

namespace merganser {
namespace {

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::fprintf(stderr, "%s\n", std::string(value.status().message()).c_str());
    std::abort();
  }
  return *std::move(value);
}

std::string WriteSeed(const std::string& directory, int seed) {
  std::vector<float> weights;
  for (int i = 0; i < 9; ++i) {
    weights.push_back(static_cast<float>((i * 7 + seed * 5) % 11 - 5) / 4);
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(weights.data());
  const std::string path =
      absl::StrCat(directory, "/seed_", seed, ".safetensors");
  const std::vector<TensorToWrite> tensors = {
      {"layers.0.weight", DType::kF32, {2, 3}, {bytes, 24}},
      {"layers.0.bias", DType::kF32, {3}, {bytes + 24, 12}}};
  const absl::Status written = WriteSafetensors(path, tensors, {});
  if (!written.ok()) std::abort();
  return path;
}

}  // namespace

FakeCampaign MakeFakeCampaign(const std::string& directory, int64_t window,
                              int64_t datapoints, int chunk_size) {
  FakeCampaign campaign;
  ThreadTeam team(1);
  std::vector<SeedWeights> seeds;
  for (int k = 0; k < 2; ++k) {
    campaign.seed_paths.push_back(WriteSeed(directory, k));
    auto file = OrDie(SafetensorsFile::Open(campaign.seed_paths.back()));
    if (k == 0) {
      campaign.options.layout = SingleChromosome(OrDie(MlpLayout(*file)));
    }
    campaign.options.seed_digests.push_back(SeedDigest(*file));
    seeds.push_back(OrDie(
        SeedWeights::Create(file, campaign.options.layout.parameters, team)));
  }
  const std::vector<const SeedWeights*> pointers = {&seeds[0], &seeds[1]};
  campaign.gram = std::make_shared<const GramSums>(
      GramSums::Create(campaign.options.layout, pointers, team));
  campaign.options.archive.population = 6;
  campaign.options.archive.datapoints = datapoints;
  campaign.options.archive.task_weight.assign(datapoints, 1);
  campaign.options.window = window;
  campaign.options.random_seed = 7;
  campaign.options.tasks = {{0, datapoints, chunk_size}};
  return campaign;
}

std::vector<uint32_t> FakeScores(const Digest& genome, int64_t datapoints) {
  std::vector<uint32_t> scores;
  for (int64_t j = 0; j < datapoints; ++j) {
    const Digest hash = DigestBuilder().Nested(genome).I64(j).Finish();
    scores.push_back(hash.bytes[0] % 3 == 0 ? 1 : 0);
  }
  return scores;
}

std::vector<std::vector<uint32_t>> FakeSeedScores(
    const FakeCampaign& campaign) {
  std::vector<std::vector<uint32_t>> scores;
  for (int k = 0; k < 2; ++k) {
    scores.push_back(FakeScores(
        GenomeDigest(SeedRecipe(k, 2, 1), campaign.options.seed_digests),
        campaign.options.archive.datapoints));
  }
  return scores;
}

}  // namespace merganser
