#include "client/replay/replay_weights.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/proposal_proto.h"

namespace merganser {
namespace {

// Members, and parents of open proposals; ascending.
std::vector<int64_t> NeededBy(const OrderedSchedule& schedule) {
  std::vector<int64_t> needed;
  for (int i = 0; i < schedule.archive().population(); ++i) {
    const std::optional<Member>& member = schedule.archive().slot(i);
    if (member.has_value()) needed.push_back(member->sequence_number);
  }
  for (const Proposal& proposal : schedule.open()) {
    needed.push_back(proposal.parent_a);
    needed.push_back(proposal.parent_b);
  }
  std::sort(needed.begin(), needed.end());
  return needed;
}

std::string Describe(const v1::WeightsRef& ref) {
  return absl::StrCat(absl::BytesToHexString(ref.digest()), ", ",
                      ref.size_bytes(), " bytes");
}

}  // namespace

absl::StatusOr<std::unique_ptr<WeightsReplay>> WeightsReplay::Create(
    const v1::CampaignSpec& spec, WeightsObserver* observer, ThreadTeam& team) {
  ASSIGN_OR_RETURN(WeightsMaker maker, WeightsMaker::Create(spec, team));
  return std::unique_ptr<WeightsReplay>(
      new WeightsReplay(std::move(maker), observer));
}

absl::StatusOr<std::vector<Digest>> WeightsReplay::MakeSeeds(int seeds) {
  std::vector<Digest> digests;
  for (int64_t candidate = -seeds; candidate < 0; ++candidate) {
    RemadeWeights seed = maker_.MakeSeed(candidate);
    digests.push_back(seed.digest);
    RETURN_IF_ERROR(KeepWeights(candidate, std::move(seed)));
  }
  return digests;
}

absl::StatusOr<RemadeWeights> WeightsReplay::Make(const Proposal& proposal) {
  const auto a = kept_.find(proposal.parent_a);
  const auto b = kept_.find(proposal.parent_b);
  if (a == kept_.end() || b == kept_.end()) {
    return absl::InternalError(
        absl::StrCat("the weights of a parent of candidate ",
                     proposal.candidate, " were not kept"));
  }
  return maker_.MakeChild(proposal, a->second.bytes, b->second.bytes);
}

v1::WeightsRef WeightsReplay::RefOf(const Digest& weights) const {
  v1::WeightsRef ref;
  ref.set_digest(weights.ToBytes());
  ref.set_size_bytes(maker_.size_bytes());
  return ref;
}

v1::Offspring WeightsReplay::OffspringOf(const Proposal& proposal) const {
  return MakeOffspring(ProposalToProto(proposal),
                       RefOf(kept_.at(proposal.parent_a).digest),
                       RefOf(kept_.at(proposal.parent_b).digest));
}

void WeightsReplay::CompareRef(const std::string& where,
                               const std::optional<Digest>& expected,
                               const v1::LogEntry& entry,
                               DifferenceList& differences) const {
  differences.Compare(
      where, "weights",
      expected.has_value() ? Describe(RefOf(*expected)) : "none",
      entry.has_weights() ? Describe(entry.weights()) : "none");
}

absl::Status WeightsReplay::Keep(Proposal proposal, RemadeWeights weights) {
  const int64_t candidate = proposal.candidate;
  accepted_[candidate] = {std::move(proposal), weights.digest};
  return KeepWeights(candidate, std::move(weights));
}

absl::Status WeightsReplay::KeepWeights(int64_t candidate,
                                        RemadeWeights weights) {
  const auto [kept, inserted] =
      kept_.insert_or_assign(candidate, std::move(weights));
  if (observer_ == nullptr) return absl::OkStatus();
  return observer_->OnKept(kept->second);
}

void WeightsReplay::ForgetUnneeded(const OrderedSchedule& schedule) {
  const std::vector<int64_t> needed = NeededBy(schedule);
  std::erase_if(kept_, [&](const auto& kept) {
    if (std::binary_search(needed.begin(), needed.end(), kept.first)) {
      return false;
    }
    if (observer_ != nullptr) observer_->OnForgotten(kept.second.digest);
    return true;
  });
}

}  // namespace merganser
