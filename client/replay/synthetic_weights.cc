#include "client/replay/synthetic_weights.h"

#include <string_view>
#include <utility>

#include "common/base/status_macros.h"
#include "common/genome/random_seed.h"

namespace merganser {

SyntheticWeights::SyntheticWeights(const v1::CampaignSpec& spec,
                                   GenomeLayout layout)
    : spec_(spec), layout_(std::move(layout)) {}

Digest SyntheticWeights::DigestOf(int64_t candidate) const {
  const std::vector<uint8_t>& bytes = all_.at(candidate);
  return Sha256(std::string_view(reinterpret_cast<const char*>(bytes.data()),
                                 bytes.size()));
}

v1::WeightsRef SyntheticWeights::RefOf(int64_t candidate) const {
  v1::WeightsRef ref;
  ref.set_digest(DigestOf(candidate).ToBytes());
  ref.set_size_bytes(static_cast<int64_t>(all_.at(candidate).size()));
  return ref;
}

Digest SyntheticWeights::MakeSeed(int64_t candidate) {
  std::vector<uint8_t>& bytes = all_[candidate];
  bytes.resize(layout_.parameters.length * sizeof(float));
  MakeRandomSeed({spec_.random_seed(), candidate}, spec_.model().init_sigma(),
                 DType::kF32, team_, bytes);
  return DigestOf(candidate);
}

absl::StatusOr<Digest> SyntheticWeights::MakeChild(const Proposal& proposal,
                                                   v1::LogEntry& entry) {
  const OffspringRequest request{
      .parent_a = {.bytes = all_.at(proposal.parent_a)},
      .parent_b = {.bytes = all_.at(proposal.parent_b)},
      .crossover = proposal.crossover,
      .split_blocks = proposal.split_blocks,
      .mixes = proposal.mixes,
      .mutation = {.key = {spec_.random_seed(), proposal.candidate},
                   .sigma = spec_.search().mutation_sigma()}};
  std::vector<uint8_t> bytes(layout_.parameters.length * sizeof(float));
  RETURN_IF_ERROR(maker_.Make(layout_, DType::kF32, request, bytes));
  for (size_t c = 0; c < maker_.crossovers().size(); ++c) {
    const ChromosomeCrossover& made = maker_.crossovers()[c];
    v1::ChromosomeCrossover& chromosome =
        *entry.mutable_proposal()->mutable_chromosomes(static_cast<int>(c));
    chromosome.set_before_a(made.before.a);
    chromosome.set_before_b(made.before.b);
    chromosome.set_after_a(made.after.a);
    chromosome.set_after_b(made.after.b);
  }
  all_[proposal.candidate] = std::move(bytes);
  *entry.mutable_weights() = RefOf(proposal.candidate);
  return DigestOf(proposal.candidate);
}

}  // namespace merganser
