#include "client/results/lineage.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/proposal_proto.h"
#include "common/genome_proto/genome_proto.h"

namespace merganser {
namespace {

// Without crossover, B has no part in a child.
std::vector<int64_t> ParentsOf(const Proposal& proposal) {
  if (!proposal.crossover) return {proposal.parent_a};
  return {proposal.parent_a, proposal.parent_b};
}

// Vectors that later ancestors need.
class Remaker {
 public:
  Remaker(int64_t candidate, std::span<const Ancestor> ancestors,
          WeightsMaker& maker)
      : candidate_(candidate), ancestors_(ancestors), maker_(maker) {
    for (size_t i = 0; i < ancestors_.size(); ++i) {
      for (const int64_t parent : ParentsOf(ancestors_[i].proposal)) {
        last_use_[parent] = i;
      }
    }
  }

  absl::StatusOr<RemadeWeights> Run() {
    if (ancestors_.empty()) return maker_.MakeSeed(candidate_);
    for (size_t i = 0; i < ancestors_.size(); ++i) {
      ASSIGN_OR_RETURN(RemadeWeights made, Make(ancestors_[i]));
      if (i + 1 == ancestors_.size()) return made;
      live_[ancestors_[i].proposal.candidate] = std::move(made.bytes);
      std::erase_if(live_, [&](const auto& kept) {
        const auto use = last_use_.find(kept.first);
        return use == last_use_.end() || use->second <= i;
      });
    }
    return absl::InternalError("a lineage without an end");
  }

 private:
  absl::StatusOr<std::span<const uint8_t>> VectorOf(int64_t candidate) {
    const auto found = live_.find(candidate);
    if (found != live_.end()) return std::span<const uint8_t>(found->second);
    if (candidate < 0) {
      std::vector<uint8_t>& seed = live_[candidate];
      seed = maker_.MakeSeed(candidate).bytes;
      return std::span<const uint8_t>(seed);
    }
    return absl::DataLossError(absl::StrCat("lineage: candidate ", candidate,
                                            " is not before its children"));
  }

  absl::StatusOr<RemadeWeights> Make(const Ancestor& ancestor) {
    const Proposal& proposal = ancestor.proposal;
    ASSIGN_OR_RETURN(const auto a, VectorOf(proposal.parent_a));
    std::span<const uint8_t> b;
    if (proposal.crossover) {
      ASSIGN_OR_RETURN(b, VectorOf(proposal.parent_b));
    }
    auto made = maker_.MakeChild(proposal, a, b);
    const std::string where = absl::StrCat("candidate ", proposal.candidate);
    if (!made.ok()) return Annotate(made.status(), where);
    if (made->digest != ancestor.weights) {
      return absl::DataLossError(
          absl::StrCat(where, ": expected weights with the digest ",
                       ancestor.weights.ToHex(), "; made again, theirs is ",
                       made->digest.ToHex()));
    }
    if (made->crossovers != proposal.coefficients) {
      return absl::DataLossError(absl::StrCat(
          where, ": its coefficients are not those of its parents' weights"));
    }
    return made;
  }

  const int64_t candidate_;
  const std::span<const Ancestor> ancestors_;
  WeightsMaker& maker_;
  std::map<int64_t, size_t> last_use_;  // index of an ancestor, by parent
  std::map<int64_t, std::vector<uint8_t>> live_;
};

}  // namespace

absl::StatusOr<Ancestors> AncestorsInLog(std::span<const v1::LogEntry> entries,
                                         const GenomeLayout& layout) {
  Ancestors ancestors;
  for (const v1::LogEntry& entry : entries) {
    const std::string where =
        absl::StrCat("candidate ", entry.proposal().candidate());
    auto proposal = ProposalFromProto(entry.proposal(), layout);
    if (!proposal.ok()) return Annotate(proposal.status(), where);
    const auto weights =
        DigestFromProto(entry.weights().digest(), "weights.digest");
    if (!weights.ok()) return Annotate(weights.status(), where);
    const int64_t candidate = proposal->candidate;
    ancestors[candidate] = {*std::move(proposal), *weights};
  }
  return ancestors;
}

absl::StatusOr<std::vector<Ancestor>> AncestorsOf(int64_t candidate,
                                                  const Ancestors& accepted) {
  std::set<int64_t> open;
  if (candidate >= 0) open.insert(candidate);
  std::vector<Ancestor> found;
  while (!open.empty()) {
    const int64_t next = *open.rbegin();
    open.erase(next);
    const auto ancestor = accepted.find(next);
    if (ancestor == accepted.end()) {
      return absl::DataLossError(
          absl::StrCat("lineage of candidate ", candidate, ": candidate ", next,
                       " is not among the accepted ones of the log"));
    }
    for (const int64_t parent : ParentsOf(ancestor->second.proposal)) {
      if (parent >= next) {
        return absl::DataLossError(
            absl::StrCat("lineage of candidate ", candidate, ": candidate ",
                         next, " is older than its parent ", parent));
      }
      if (parent >= 0) open.insert(parent);
    }
    found.push_back(ancestor->second);
  }
  return std::vector<Ancestor>(found.rbegin(), found.rend());
}

absl::StatusOr<RemadeWeights> RemakeCandidate(
    int64_t candidate, std::span<const Ancestor> ancestors,
    WeightsMaker& maker) {
  return Remaker(candidate, ancestors, maker).Run();
}

}  // namespace merganser
