#include "coordinator/campaign/records.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/proposal_proto.h"
#include "common/genome_proto/genome_proto.h"

namespace merganser {

namespace records = ::merganser::storage::v1;

namespace {

records::SlotRecord MakeSlotRecord(ScoreKind kind, const Member& member) {
  records::SlotRecord record;
  record.set_candidate(member.sequence_number);
  record.set_genome_digest(member.genome.ToBytes());
  record.set_scores(PackScores(kind, member.scores));
  return record;
}

absl::StatusOr<const records::CandidateRecord*> FindParent(
    const std::map<int64_t, records::CandidateRecord>& candidates,
    int64_t candidate) {
  const auto found = candidates.find(candidate);
  if (found != candidates.end()) return &found->second;
  return absl::DataLossError(
      absl::StrCat("candidate ", candidate, ", a parent, is missing"));
}

// Completes a proposal by what follows from its parents; returns its genome.
absl::StatusOr<Digest> BreedRecipe(const ScheduleOptions& plan,
                                   const records::CandidateRecord& a,
                                   const records::CandidateRecord& b,
                                   Proposal& proposal) {
  ASSIGN_OR_RETURN(const LinearRecipe recipe_a, RecipeFromProto(a.recipe()));
  ASSIGN_OR_RETURN(const LinearRecipe recipe_b, RecipeFromProto(b.recipe()));
  proposal.recipe = ChildRecipe(plan, recipe_a, recipe_b, proposal);
  return RecipeDigest(plan, proposal.recipe);
}

absl::StatusOr<Digest> DefineChild(const ScheduleOptions& plan,
                                   const records::CandidateRecord& a,
                                   const records::CandidateRecord& b,
                                   Proposal& proposal) {
  proposal.coefficients.clear();
  ASSIGN_OR_RETURN(const Digest weights_a,
                   DigestFromProto(a.weights().digest(), "weights.digest"));
  ASSIGN_OR_RETURN(const Digest weights_b,
                   DigestFromProto(b.weights().digest(), "weights.digest"));
  return ChildDefinition(plan, weights_a, weights_b, proposal);
}

}  // namespace

std::string PackSlot(ScoreKind kind, const Member& member,
                     const LinearRecipe& recipe) {
  records::SlotRecord record = MakeSlotRecord(kind, member);
  *record.mutable_recipe() = RecipeToProto(recipe);
  return record.SerializeAsString();
}

std::string PackSlot(ScoreKind kind, const Member& member,
                     int64_t weights_bytes) {
  records::SlotRecord record = MakeSlotRecord(kind, member);
  record.mutable_weights()->set_digest(record.genome_digest());
  record.mutable_weights()->set_size_bytes(weights_bytes);
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
  if (!record.has_weights()) {
    ASSIGN_OR_RETURN(slot.recipe, RecipeFromProto(record.recipe()));
  }
  return slot;
}

std::string PackProposal(const Proposal& proposal) {
  records::ProposalRecord record;
  *record.mutable_proposal() = ProposalToProto(proposal);
  return record.SerializeAsString();
}

absl::StatusOr<Proposal> UnpackProposal(
    const ScheduleOptions& plan,
    const std::map<int64_t, records::CandidateRecord>& candidates,
    const std::string& bytes) {
  ASSIGN_OR_RETURN(const records::ProposalRecord record,
                   UnpackRecord<records::ProposalRecord>(bytes, "proposal"));
  ASSIGN_OR_RETURN(Proposal proposal,
                   ProposalFromProto(record.proposal(), plan.layout));
  ASSIGN_OR_RETURN(const records::CandidateRecord* a,
                   FindParent(candidates, proposal.parent_a));
  ASSIGN_OR_RETURN(const records::CandidateRecord* b,
                   FindParent(candidates, proposal.parent_b));
  ASSIGN_OR_RETURN(const Digest genome,
                   plan.genomes == GenomeKind::kWeights
                       ? DefineChild(plan, *a, *b, proposal)
                       : BreedRecipe(plan, *a, *b, proposal));
  if (genome != proposal.genome) {
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
