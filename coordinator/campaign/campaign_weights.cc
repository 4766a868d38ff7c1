// CampaignRunner: campaigns that keep weights, and the blobs that hold them.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/proposal_proto.h"
#include "common/genome_proto/genome_proto.h"
#include "coordinator/campaign/campaign_runner.h"

namespace merganser {
namespace {

namespace records = ::merganser::storage::v1;

ResultVerdict Refuse(absl::string_view error) {
  return {v1::RESULT_OUTCOME_REFUSED, std::string(error), false};
}

bool SameDraw(const v1::ChromosomeCrossover& drawn,
              const v1::ChromosomeCrossover& made) {
  return drawn.split_block() == made.split_block() &&
         drawn.mix() == made.mix() && std::isfinite(made.before_a()) &&
         std::isfinite(made.before_b()) && std::isfinite(made.after_a()) &&
         std::isfinite(made.after_b());
}

}  // namespace

absl::Status CampaignRunner::CheckWeights(const v1::JobResult& result) const {
  const v1::WeightsRef& weights = result.weights();
  if (weights.digest().size() != Digest().bytes.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "weights.digest: expected 32 bytes; got ", weights.digest().size(),
        weights.digest().empty() ? "; a worker that makes weights names them"
                                 : ""));
  }
  if (weights.size_bytes() != weights_bytes_) {
    return absl::InvalidArgumentError(
        absl::StrCat("weights.size_bytes: expected ", weights_bytes_, "; got ",
                     weights.size_bytes()));
  }
  return absl::OkStatus();
}

absl::Status CampaignRunner::CheckCrossover(const v1::JobResult& result,
                                            const v1::Proposal& drawn) {
  const bool same = std::equal(
      drawn.chromosomes().begin(), drawn.chromosomes().end(),
      result.chromosomes().begin(), result.chromosomes().end(), SameDraw);
  if (same) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "chromosomes: expected one for each of the proposal, with its split "
      "block and mix and finite coefficients");
}

absl::StatusOr<bool> CampaignRunner::TakeWeights(const v1::JobResult& result,
                                                 const Proposal& proposal,
                                                 bool part_is_known,
                                                 ChildScores& child) {
  if (!keeps_weights()) return true;
  if (!result.has_weights() && (!part_is_known || child.weights.has_value())) {
    return true;
  }
  RETURN_IF_ERROR(CheckWeights(result));
  RETURN_IF_ERROR(CheckCrossover(result, ProposalToProto(proposal)));
  if (!child.weights.has_value()) {
    child.weights = {result.weights(), result.chromosomes()};
  }
  return child.weights->ref.digest() == result.weights().digest();
}

v1::Offspring CampaignRunner::OffspringOf(const v1::Proposal& drawn) const {
  return MakeOffspring(drawn, candidates_.at(drawn.parent_a()).weights(),
                       candidates_.at(drawn.parent_b()).weights());
}

absl::StatusOr<v1::Job> CampaignRunner::MakeWeightsJob(const JobKey& key,
                                                       v1::Job job) const {
  if (key.kind == JobKind::kSeed && key.candidate < 0) {
    job.set_genome_digest(
        plan_.seed_digests[key.candidate + seeds()].ToBytes());
    return job;
  }
  const auto found = candidates_.find(key.candidate);
  const bool is_open = key.kind == JobKind::kHoldout ||
                       (key.kind == JobKind::kMakeBlob && IsWanted(key));
  if (found == candidates_.end() || !is_open) {
    return absl::NotFoundError(absl::StrCat(key.ToString(), " is not open"));
  }
  const records::CandidateRecord& record = found->second;
  if (key.kind == JobKind::kHoldout) {
    *job.mutable_weights() = record.weights();
    job.set_genome_digest(record.genome_digest());
    return job;
  }
  job.set_urgent(true);
  if (key.candidate < 0) {
    job.set_genome_digest(
        plan_.seed_digests[key.candidate + seeds()].ToBytes());
  } else {
    *job.mutable_offspring() = OffspringOf(record.proposal());
    job.set_genome_digest(record.proposal().genome_digest());
  }
  return job;
}

std::optional<int64_t> CampaignRunner::NeededCandidate(
    const JobKey& key, const std::string& digest) const {
  std::vector<int64_t> needed;
  const auto add_parents = [&](int64_t a, int64_t b) {
    needed.push_back(a);
    needed.push_back(b);
  };
  if (key.kind == JobKind::kHoldout) needed.push_back(key.candidate);
  if (key.kind == JobKind::kSearch && started()) {
    const Proposal* proposal = schedule_->Find(key.candidate);
    if (proposal != nullptr)
      add_parents(proposal->parent_a, proposal->parent_b);
  }
  const auto made = candidates_.find(key.candidate);
  if (key.kind == JobKind::kMakeBlob && made != candidates_.end() &&
      made->second.has_proposal()) {
    add_parents(made->second.proposal().parent_a(),
                made->second.proposal().parent_b());
  }
  for (const int64_t candidate : needed) {
    const auto found = candidates_.find(candidate);
    if (found != candidates_.end() &&
        found->second.weights().digest() == digest) {
      return candidate;
    }
  }
  return std::nullopt;
}

bool CampaignRunner::TakeMissingBlob(const JobKey& key,
                                     const std::string& digest) {
  if (ended() || !keeps_weights() || !IsWanted(key)) return false;
  const std::optional<int64_t> candidate = NeededCandidate(key, digest);
  if (!candidate.has_value()) return false;
  blocked_[*candidate].insert(key);
  // Whether it is open already the scheduler knows.
  new_jobs_.push_back({uid(), JobKind::kMakeBlob, *candidate});
  return true;
}

ResultVerdict CampaignRunner::TakeBlob(const v1::JobResult& result) {
  const int64_t candidate = result.key().candidate();
  if (!keeps_weights())
    return Refuse("key.kind: the campaign keeps no weights");
  if (const absl::Status status = CheckWeights(result); !status.ok()) {
    return Refuse(status.message());
  }
  const auto waiting = blocked_.find(candidate);
  if (waiting == blocked_.end()) {
    return {v1::RESULT_OUTCOME_REDUNDANT, "", true};
  }
  if (result.weights().digest() !=
      candidates_.at(candidate).weights().digest()) {
    return Refuse(
        "weights.digest: not that of the weights that were lost; was this "
        "worker built like the one that first made them?");
  }
  for (const JobKey& key : waiting->second) {
    if (IsWanted(key)) new_jobs_.push_back(key);
  }
  blocked_.erase(waiting);
  return {v1::RESULT_OUTCOME_COMMITTED, "", true};
}

bool CampaignRunner::IsWanted(const JobKey& key) const {
  switch (key.kind) {
    case JobKind::kMakeBlob: {
      const auto waiting = blocked_.find(key.candidate);
      return waiting != blocked_.end() &&
             std::any_of(waiting->second.begin(), waiting->second.end(),
                         [this](const JobKey& job) { return IsWanted(job); });
    }
    case JobKind::kHoldout:
      return holdout_open_.contains(key.candidate);
    case JobKind::kSearch: {
      const auto child = children_.find(key.candidate);
      return child != children_.end() &&
             child->second.open_parts.contains(key.part);
    }
    default:
      return false;
  }
}

void CampaignRunner::GiveUpBlob(int64_t candidate, const std::string& reason) {
  const auto waiting = blocked_.extract(candidate);
  if (waiting.empty()) return;
  for (const JobKey& key : waiting.mapped()) {
    Quarantine(key,
               absl::StrCat("weights of candidate ", candidate,
                            " were lost and cannot be made again: ", reason));
  }
}

std::set<Digest> CampaignRunner::PinnedBlobs(
    absl::FunctionRef<bool(const Digest&)> is_stored) const {
  std::set<Digest> pinned;
  if (!keeps_weights() || state() == v1::CAMPAIGN_STATE_CANCELLED ||
      state() == v1::CAMPAIGN_STATE_FAILED) {
    return pinned;
  }
  // The digest, unless it is pinned already.
  const auto pin =
      [&pinned](const v1::WeightsRef& weights) -> std::optional<Digest> {
    const absl::StatusOr<Digest> digest = Digest::FromBytes(weights.digest());
    if (!digest.ok() || !pinned.insert(*digest).second) return std::nullopt;
    return *digest;
  };
  for (const auto& [k, weights] : seed_weights_) {
    if (!started()) pin(weights);
  }
  for (const auto& [n, child] : children_) {
    if (child.weights.has_value()) pin(child.weights->ref);
  }
  std::vector<int64_t> needed(holdout_open_.begin(), holdout_open_.end());
  for (const auto& [candidate, waiting] : blocked_) needed.push_back(candidate);
  if (started()) {
    for (int i = 0; i < plan_.archive.population; ++i) {
      const auto& member = schedule_->archive().slot(i);
      if (member.has_value()) needed.push_back(member->sequence_number);
    }
    for (const Proposal& proposal : schedule_->open()) {
      needed.push_back(proposal.parent_a);
      needed.push_back(proposal.parent_b);
    }
  }
  while (!needed.empty()) {
    const records::CandidateRecord& record = candidates_.at(needed.back());
    needed.pop_back();
    const auto digest = pin(record.weights());
    if (!digest.has_value() || !record.has_proposal() || is_stored(*digest)) {
      continue;
    }
    // It will be made again of these.
    needed.push_back(record.proposal().parent_a());
    needed.push_back(record.proposal().parent_b());
  }
  return pinned;
}

}  // namespace merganser
