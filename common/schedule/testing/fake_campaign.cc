#include "common/schedule/testing/fake_campaign.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/genome/offspring_digest.h"
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

void SetSizes(int64_t window, int64_t datapoints, int chunk_size,
              ScheduleOptions& options) {
  options.archive.population = 6;
  options.archive.datapoints = datapoints;
  options.archive.task_weight.assign(datapoints, 1);
  options.window = window;
  options.random_seed = 7;
  options.tasks = {{0, datapoints, chunk_size}};
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
  SetSizes(window, datapoints, chunk_size, campaign.options);
  return campaign;
}

FakeCampaign MakeFakeBaseCampaign(const std::string& directory, int64_t window,
                                  int64_t datapoints, int chunk_size) {
  FakeCampaign campaign =
      MakeFakeCampaign(directory, window, datapoints, chunk_size);
  ScheduleOptions& options = campaign.options;
  const std::vector<TensorGroup> groups = {{"weights", {0}}, {"biases", {1}}};
  options.layout = OrDie(GroupTensors(options.layout.parameters, groups));
  options.coefficient_sigma = 0.25;
  campaign.seed_paths.push_back(WriteSeed(directory, 2));
  ThreadTeam team(1);
  std::vector<SeedWeights> seeds;
  for (const std::string& path : campaign.seed_paths) {
    auto file = OrDie(SafetensorsFile::Open(path));
    options.base_digest = SeedDigest(*file);
    seeds.push_back(
        OrDie(SeedWeights::Create(file, options.layout.parameters, team)));
  }
  const std::vector<const SeedWeights*> pointers = {&seeds[0], &seeds[1]};
  campaign.gram = std::make_shared<const GramSums>(
      GramSums::Create(options.layout, pointers, &seeds[2], team));
  return campaign;
}

FakeCampaign MakeFakeScratchCampaign(int64_t window, int64_t datapoints,
                                     int chunk_size) {
  FakeCampaign campaign;
  ParameterLayout layout{.tensors = {{.name = "layers.0.weight",
                                      .shape = {2, 3},
                                      .offset = 0,
                                      .elements = 6},
                                     {.name = "layers.0.bias",
                                      .shape = {3},
                                      .offset = 6,
                                      .elements = 3}},
                         .length = 9};
  SetSizes(window, datapoints, chunk_size, campaign.options);
  for (int k = 0; k < 2; ++k) {
    campaign.options.seed_digests.push_back(RandomSeedDigest(
        layout, kFakeInitSigma, {campaign.options.random_seed, k - 2}));
  }
  campaign.options.layout = SingleChromosome(std::move(layout));
  campaign.options.genomes = GenomeKind::kWeights;
  campaign.options.mutation_sigma = 0.01;
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
  const std::vector<Digest>& digests = campaign.options.seed_digests;
  for (int k = 0; k < 2; ++k) {
    scores.push_back(FakeScores(
        campaign.options.genomes == GenomeKind::kWeights
            ? digests[k]
            : RecipeDigest(campaign.options, RecipeOfSeed(campaign.options, k)),
        campaign.options.archive.datapoints));
  }
  return scores;
}

std::string FakeBlob(const Digest& genome) {
  return absl::StrCat("weights of ", genome.ToHex());
}

Digest FakeWeights(const Digest& genome) { return Sha256(FakeBlob(genome)); }

std::vector<Digest> FakeSeedWeights(const FakeCampaign& campaign) {
  std::vector<Digest> weights;
  if (campaign.options.genomes == GenomeKind::kRecipes) return weights;
  for (const Digest& seed : campaign.options.seed_digests) {
    weights.push_back(FakeWeights(seed));
  }
  return weights;
}

}  // namespace merganser
