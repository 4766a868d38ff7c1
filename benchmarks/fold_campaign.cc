#include "benchmarks/fold_campaign.h"

#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/evolution/scores.h"
#include "common/genome/seed_weights.h"
#include "common/genome/thread_team.h"
#include "common/storage/safetensors.h"

namespace merganser {

absl::StatusOr<GramSums> MakeGram(const v1::CampaignSpec& spec,
                                  const GenomeLayout& layout) {
  ThreadTeam team(1);
  std::vector<SeedWeights> seeds;
  for (const v1::SeedSpec& seed : spec.seeds()) {
    ASSIGN_OR_RETURN(auto file, SafetensorsFile::Open(seed.path()));
    ASSIGN_OR_RETURN(
        SeedWeights weights,
        SeedWeights::Create(std::move(file), layout.parameters, team));
    seeds.push_back(std::move(weights));
  }
  std::vector<const SeedWeights*> pointers;
  for (const SeedWeights& seed : seeds) pointers.push_back(&seed);
  return GramSums::Create(layout, pointers, team);
}

absl::StatusOr<int64_t> FoldCampaign(const ScheduleOptions& options,
                                     GramSums gram,
                                     const SimulatedScores& simulated,
                                     int64_t children) {
  ASSIGN_OR_RETURN(auto schedule,
                   OrderedSchedule::Create(
                       options, std::make_shared<GramSums>(std::move(gram))));
  const int64_t datapoints = options.tasks[0].end;
  std::vector<uint32_t> file_order(datapoints);
  std::iota(file_order.begin(), file_order.end(), 0u);
  const SimulatedScores::Patterns patterns = SimulatedScores::Pack(file_order);
  const auto scores = [&](int64_t candidate) {
    return UnpackScores(ScoreKind::kBinary, datapoints,
                        simulated.Score(0, candidate, patterns));
  };
  std::vector<std::vector<uint32_t>> seeds;
  const auto seed_count = static_cast<int64_t>(options.seed_digests.size());
  for (int64_t k = 0; k < seed_count; ++k) {
    ASSIGN_OR_RETURN(seeds.emplace_back(), scores(k - seed_count));
  }
  RETURN_IF_ERROR(schedule.Start(std::move(seeds)));
  int64_t accepted = 0;
  while (schedule.applied() < children) {
    const int64_t candidate = schedule.open().front().candidate;
    ASSIGN_OR_RETURN(std::vector<uint32_t> row, scores(candidate));
    ASSIGN_OR_RETURN(const AppliedResult applied,
                     schedule.Apply(candidate, std::move(row)));
    accepted += applied.accepted ? 1 : 0;
  }
  return accepted;
}

}  // namespace merganser
