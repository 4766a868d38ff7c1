#include "client/results/weights_maker.h"

#include <string_view>
#include <utility>

#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/genome/random_seed.h"

namespace merganser {
namespace {

Digest DigestOf(std::span<const uint8_t> bytes) {
  return Sha256(std::string_view(reinterpret_cast<const char*>(bytes.data()),
                                 bytes.size()));
}

}  // namespace

absl::StatusOr<WeightsMaker> WeightsMaker::Create(const v1::CampaignSpec& spec,
                                                  ThreadTeam& team) {
  ASSIGN_OR_RETURN(ScheduleOptions options, MakeScheduleOptions(spec));
  ASSIGN_OR_RETURN(const DType dtype, WeightsDTypeOf(spec));
  return WeightsMaker(spec, std::move(options.layout), dtype, team);
}

WeightsMaker::WeightsMaker(const v1::CampaignSpec& spec, GenomeLayout layout,
                           DType dtype, ThreadTeam& team)
    : random_seed_(spec.random_seed()),
      init_sigma_(spec.model().init_sigma()),
      mutation_sigma_(spec.search().mutation_sigma()),
      layout_(std::move(layout)),
      dtype_(dtype),
      team_(team),
      maker_(team) {}

RemadeWeights WeightsMaker::MakeSeed(int64_t candidate) {
  RemadeWeights made{.bytes = std::vector<uint8_t>(size_bytes())};
  MakeRandomSeed({random_seed_, candidate}, init_sigma_, dtype_, team_,
                 made.bytes);
  made.digest = DigestOf(made.bytes);
  return made;
}

absl::StatusOr<RemadeWeights> WeightsMaker::MakeChild(
    const Proposal& proposal, std::span<const uint8_t> parent_a,
    std::span<const uint8_t> parent_b) {
  const OffspringRequest request{
      .parent_a = {.bytes = parent_a},
      .parent_b = {.bytes = parent_b},
      .crossover = proposal.crossover,
      .split_blocks = proposal.split_blocks,
      .mixes = proposal.mixes,
      .mutation = {.key = {random_seed_, proposal.candidate},
                   .sigma = mutation_sigma_}};
  RemadeWeights made{.bytes = std::vector<uint8_t>(size_bytes())};
  RETURN_IF_ERROR(maker_.Make(layout_, dtype_, request, made.bytes));
  made.digest = DigestOf(made.bytes);
  made.crossovers.assign(maker_.crossovers().begin(),
                         maker_.crossovers().end());
  return made;
}

}  // namespace merganser
