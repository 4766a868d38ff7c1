#include "coordinator/campaign/records.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/proposal_proto.h"
#include "common/genome_proto/genome_proto.h"

namespace merganser {

namespace records = ::merganser::storage::v1;

std::string PackSlot(ScoreKind kind, const Member& member,
                     const LinearRecipe& recipe) {
  records::SlotRecord record;
  record.set_candidate(member.sequence_number);
  record.set_genome_digest(member.genome.ToBytes());
  *record.mutable_recipe() = RecipeToProto(recipe);
  record.set_scores(PackScores(kind, member.scores));
  return record.SerializeAsString();
}

absl::StatusOr<StoredSlot> UnpackSlot(ScoreKind kind, int64_t datapoints,
                                      const std::string& bytes) {
  ASSIGN_OR_RETURN(const records::SlotRecord record,
                   UnpackRecord<records::SlotRecord>(bytes, "slot"));
  StoredSlot slot;
  slot.member.sequence_number = record.candidate();
  ASSIGN_OR_RETURN(slot.member.genome, DigestFromProto(record.genome_digest(),
                                                       "slot.genome_digest"));
  ASSIGN_OR_RETURN(slot.member.scores,
                   UnpackScores(kind, datapoints, record.scores()));
  ASSIGN_OR_RETURN(slot.recipe, RecipeFromProto(record.recipe()));
  return slot;
}

std::string PackProposal(const Proposal& proposal) {
  records::ProposalRecord record;
  *record.mutable_proposal() = ProposalToProto(proposal);
  return record.SerializeAsString();
}

absl::StatusOr<Proposal> UnpackProposal(const ScheduleOptions& plan,
                                        FindRecipe find_recipe,
                                        const std::string& bytes) {
  ASSIGN_OR_RETURN(const records::ProposalRecord record,
                   UnpackRecord<records::ProposalRecord>(bytes, "proposal"));
  ASSIGN_OR_RETURN(Proposal proposal,
                   ProposalFromProto(record.proposal(), plan.layout));
  ASSIGN_OR_RETURN(proposal.recipe, find_recipe(proposal.parent_a));
  if (proposal.crossover) {
    ASSIGN_OR_RETURN(const LinearRecipe other, find_recipe(proposal.parent_b));
    proposal.recipe = Cross(proposal.recipe, other, proposal.coefficients);
  }
  if (GenomeDigest(proposal.recipe, plan.seed_digests) != proposal.genome) {
    return absl::DataLossError(
        absl::StrCat("the stored proposal ", proposal.candidate,
                     " does not follow from its parents"));
  }
  return proposal;
}

std::string PackLayout(const std::vector<uint32_t>& order) {
  records::LayoutRecord record;
  record.mutable_datapoints()->Add(order.begin(), order.end());
  return record.SerializeAsString();
}

absl::StatusOr<LayoutOrderPointer> UnpackLayout(int64_t datapoints,
                                                const std::string& bytes) {
  ASSIGN_OR_RETURN(const records::LayoutRecord record,
                   UnpackRecord<records::LayoutRecord>(bytes, "layout"));
  bool valid = record.datapoints_size() == datapoints;
  for (const uint32_t datapoint : record.datapoints()) {
    valid = valid && datapoint < datapoints;
  }
  if (!valid) {
    return absl::DataLossError(absl::StrCat("the stored layout does not order ",
                                            datapoints, " datapoints"));
  }
  return std::make_shared<const std::vector<uint32_t>>(
      record.datapoints().begin(), record.datapoints().end());
}

const std::string* FindValue(const StoredCampaign& stored,
                             Collection collection, int64_t key) {
  const auto& values = ValuesOf(stored, collection);
  const auto found = values.find(key);
  return found == values.end() ? nullptr : &found->second;
}

const std::map<int64_t, std::string>& ValuesOf(const StoredCampaign& stored,
                                               Collection collection) {
  static const std::map<int64_t, std::string>& none =
      *new std::map<int64_t, std::string>();
  const auto found = stored.maps.find(collection);
  return found == stored.maps.end() ? none : found->second;
}

}  // namespace merganser
