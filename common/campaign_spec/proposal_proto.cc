#include "common/campaign_spec/proposal_proto.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/genome_proto/genome_proto.h"

namespace merganser {

v1::Proposal ProposalToProto(const Proposal& proposal) {
  v1::Proposal proto;
  proto.set_candidate(proposal.candidate);
  proto.set_parent_a(proposal.parent_a);
  proto.set_parent_b(proposal.parent_b);
  proto.set_crossover(proposal.crossover);
  for (size_t c = 0; c < proposal.split_blocks.size(); ++c) {
    v1::ChromosomeCrossover& chromosome = *proto.add_chromosomes();
    chromosome.set_split_block(proposal.split_blocks[c]);
    chromosome.set_mix(proposal.mixes[c]);
    if (proposal.coefficients.empty()) continue;
    const ChromosomeCrossover& coefficients = proposal.coefficients[c];
    chromosome.set_before_a(coefficients.before.a);
    chromosome.set_before_b(coefficients.before.b);
    chromosome.set_after_a(coefficients.after.a);
    chromosome.set_after_b(coefficients.after.b);
  }
  proto.set_genome_digest(proposal.genome.ToBytes());
  proto.set_layout_version(proposal.layout_version);
  return proto;
}

v1::Offspring MakeOffspring(const v1::Proposal& drawn,
                            const v1::WeightsRef& parent_a,
                            const v1::WeightsRef& parent_b) {
  v1::Offspring offspring;
  *offspring.mutable_parent_a() = parent_a;
  *offspring.mutable_parent_b() = parent_b;
  offspring.set_crossover(drawn.crossover());
  for (const v1::ChromosomeCrossover& chromosome : drawn.chromosomes()) {
    // Whoever makes the child computes the coefficients.
    v1::ChromosomeCrossover& draw = *offspring.add_chromosomes();
    draw.set_split_block(chromosome.split_block());
    draw.set_mix(chromosome.mix());
  }
  return offspring;
}

absl::StatusOr<Proposal> ProposalFromProto(const v1::Proposal& proto,
                                           const GenomeLayout& layout) {
  const int chromosomes = static_cast<int>(layout.chromosomes.size());
  if (proto.chromosomes_size() != (proto.crossover() ? chromosomes : 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("proposal ", proto.candidate(), ": expected ", chromosomes,
                     " chromosomes; got ", proto.chromosomes_size()));
  }
  Proposal proposal{.candidate = proto.candidate(),
                    .parent_a = proto.parent_a(),
                    .parent_b = proto.parent_b(),
                    .crossover = proto.crossover(),
                    .layout_version = proto.layout_version()};
  for (int c = 0; c < proto.chromosomes_size(); ++c) {
    const v1::ChromosomeCrossover& crossover = proto.chromosomes(c);
    const ChromosomeLayout& chromosome = layout.chromosomes[c];
    proposal.split_blocks.push_back(crossover.split_block());
    proposal.mixes.push_back(crossover.mix());
    proposal.coefficients.push_back(
        {.split = chromosome.StartOf(crossover.split_block()),
         .length = chromosome.length,
         .before = {crossover.before_a(), crossover.before_b()},
         .after = {crossover.after_a(), crossover.after_b()}});
  }
  ASSIGN_OR_RETURN(proposal.genome, DigestFromProto(proto.genome_digest(),
                                                    "proposal.genome_digest"));
  return proposal;
}

}  // namespace merganser
