#include "tests/faults/hash_campaign.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/results/weights_maker.h"
#include "client/results/winner.h"
#include "common/campaign_spec/campaign_file.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/resolve.h"
#include "common/evolution/layout.h"
#include "common/genome/thread_team.h"
#include "common/schedule/ordered_schedule.h"

namespace merganser {
namespace {

uint32_t HashScore(const Digest& genome, const Chunk& chunk, int row) {
  DigestBuilder hash;
  hash.String(genome.ToBytes());
  for (const uint32_t datapoint : chunk.datapoints) hash.U32(datapoint);
  const int quality = Sha256(genome.ToBytes()).bytes[2];
  return hash.U64(row / 32).Finish().bytes[row % 32] < 64 + quality / 2 ? 1 : 0;
}

std::vector<uint32_t> HashScores(const Digest& genome,
                                 const std::vector<uint32_t>& order,
                                 int chunk_size) {
  std::vector<uint32_t> scores(order.size());
  const std::vector<Chunk> chunks = *CutChunks(order, chunk_size);
  for (const Chunk& chunk : chunks) {
    for (int row = 0; row < chunk.real_count; ++row) {
      scores[chunk.datapoints[row]] = HashScore(genome, chunk, row);
    }
  }
  return scores;
}

GramSums Gram(const v1::CampaignSpec& spec) {
  ThreadTeam team(1);
  return OpenLocalSeeds(spec, /*models_root=*/"", team)->MakeGramSums(team);
}

v1::CampaignSpec PretrainedSpec(const std::vector<std::string>& settings) {
  const std::string folder = absl::StrCat(MERGANSER_SOURCE_DIR, "/examples");
  v1::CampaignSpec spec =
      *LoadCampaignFile(folder + "/digits-pretrained.yaml", settings);
  EXPECT_TRUE(ResolveSpec(spec, {.base_dir = folder}).ok());
  return spec;
}

std::string ExpectedScratchDigestOf(const v1::CampaignSpec& spec) {
  const ScheduleOptions options = *MakeScheduleOptions(spec);
  const int chunk_size = options.tasks[0].chunk_size;
  auto schedule = *OrderedSchedule::Create(options, nullptr);
  ThreadTeam team(1);
  WeightsMaker maker = *WeightsMaker::Create(spec, team);
  std::map<int64_t, RemadeWeights> made;
  std::vector<std::vector<uint32_t>> seeds;
  std::vector<Digest> weights;
  for (int k = 0; k < 2; ++k) {
    seeds.push_back(HashScores(options.seed_digests[k], *schedule.file_order(),
                               chunk_size));
    made[k - 2] = maker.MakeSeed(k - 2);
    weights.push_back(made[k - 2].digest);
  }
  EXPECT_TRUE(schedule.Start(seeds, weights).ok());
  while (schedule.applied() < spec.budget().evaluations()) {
    const Proposal& proposal = schedule.open().front();
    const int64_t candidate = proposal.candidate;
    RemadeWeights child =
        *maker.MakeChild(proposal, made.at(proposal.parent_a).bytes,
                         made.at(proposal.parent_b).bytes);
    const auto applied = schedule.Apply(
        candidate,
        HashScores(proposal.genome, *schedule.layout(proposal.layout_version),
                   chunk_size),
        child.digest);
    EXPECT_TRUE(applied.ok()) << applied.status();
    if (applied->accepted) made[candidate] = std::move(child);
  }
  return schedule.archive_digest().ToHex();
}

}  // namespace

std::vector<std::string> HashCampaignSettings(int64_t evaluations) {
  return {absl::StrCat("budget.evaluations=", evaluations),
          "tasks[0].chunk_size=100", "schedule.window=16"};
}

v1::CampaignSpec HashCampaignSpec(int64_t evaluations) {
  return PretrainedSpec(HashCampaignSettings(evaluations));
}

std::vector<std::string> BaseSettings(const std::string& folder) {
  // Something between the seeds and zero, not in line with them.
  const LinearRecipe recipe{.seeds = 2,
                            .chromosomes = {{{0, 9000}, {0.25, 0.5, 0.5, 0}}}};
  const v1::CampaignSpec spec = HashCampaignSpec(1);
  ThreadTeam team(1);
  const auto seeds = OpenLocalSeeds(spec, /*models_root=*/"", team);
  const std::string path = folder + "/ancestor.safetensors";
  EXPECT_TRUE(
      WriteWinner(path, Winner(), *MakeWeights(recipe, *seeds, team)).ok());
  return {absl::StrCat("model.base={name: ancestor, path: ", path, "}"),
          "model.chromosomes=[{name: weights, tensors: ['*.weight']}, "
          "{name: rest, tensors: ['*']}]",
          "search.origin=base", "search.coefficient_mutation=0.1"};
}

v1::CampaignSpec HashBaseSpec(int64_t evaluations, const std::string& folder) {
  std::vector<std::string> settings = HashCampaignSettings(evaluations);
  for (std::string& setting : BaseSettings(folder)) {
    settings.push_back(std::move(setting));
  }
  return PretrainedSpec(settings);
}

v1::CampaignSpec HashScratchSpec(int64_t evaluations) {
  const std::string folder = absl::StrCat(MERGANSER_SOURCE_DIR, "/examples");
  std::vector<std::string> settings = HashCampaignSettings(evaluations);
  settings.emplace_back("model.layers=[64, 16, 10]");
  v1::CampaignSpec spec =
      *LoadCampaignFile(folder + "/digits-scratch.yaml", settings);
  EXPECT_TRUE(ResolveSpec(spec, {.base_dir = folder}).ok());
  return spec;
}

std::string ExpectedDigestOf(const v1::CampaignSpec& spec) {
  if (KeepsWeights(spec)) return ExpectedScratchDigestOf(spec);
  const ScheduleOptions options = *MakeScheduleOptions(spec);
  auto schedule =
      *OrderedSchedule::Create(options, std::make_shared<GramSums>(Gram(spec)));
  const int chunk_size = options.tasks[0].chunk_size;
  std::vector<std::vector<uint32_t>> seeds;
  for (int k = 0; k < 2; ++k) {
    seeds.push_back(HashScores(RecipeDigest(options, RecipeOfSeed(options, k)),
                               *schedule.file_order(), chunk_size));
  }
  EXPECT_TRUE(schedule.Start(seeds).ok());
  while (schedule.applied() < spec.budget().evaluations()) {
    const Proposal& proposal = schedule.open().front();
    EXPECT_TRUE(schedule
                    .Apply(proposal.candidate,
                           HashScores(proposal.genome,
                                      *schedule.layout(proposal.layout_version),
                                      chunk_size))
                    .ok());
  }
  return schedule.archive_digest().ToHex();
}

}  // namespace merganser
