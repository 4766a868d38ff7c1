#include "client/replay/synthetic_campaign.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <numeric>
#include <span>
#include <utility>

#include "client/replay/synthetic_spec.h"
#include "client/replay/synthetic_weights.h"
#include "client/results/winner.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/proposal_proto.h"
#include "common/evolution/scores.h"
#include "common/genome/thread_team.h"
#include "common/genome_proto/genome_proto.h"
#include "common/schedule/chunk_assembly.h"

namespace merganser {
namespace {

constexpr int64_t kQuarantined = 5;
constexpr int64_t kFirstRejected = 150;

// One bit per member, packed.
std::string HashChunk(const std::string& genome_digest,
                      std::span<const uint32_t> members) {
  std::vector<uint32_t> scores;
  for (const uint32_t row : members) {
    DigestBuilder hash;
    hash.String(genome_digest);
    for (const uint32_t member : members) hash.U32(member);
    scores.push_back(hash.U32(row).Finish().bytes[0] & 1u);
  }
  return PackScores(ScoreKind::kBinary, scores);
}

bool IsWanted(const v1::Job& job, const v1::ChunkScores& chunk) {
  if (job.chunks().empty()) return true;
  for (const v1::ChunkSet& set : job.chunks()) {
    if (set.task() == chunk.task() &&
        std::find(set.chunks().begin(), set.chunks().end(), chunk.chunk()) !=
            set.chunks().end()) {
      return true;
    }
  }
  return false;
}

class Maker {
 public:
  // `weights` is null where recipes are kept.
  Maker(v1::CampaignSpec spec, OrderedSchedule schedule, std::string gram,
        std::unique_ptr<SyntheticWeights> weights)
      : spec_(std::move(spec)),
        schedule_(std::move(schedule)),
        weights_(std::move(weights)) {
    made_.gram = std::move(gram);
  }

  absl::StatusOr<SyntheticCampaign> Make() {
    RETURN_IF_ERROR(ScoreSeeds());
    while (schedule_.applied() < spec_.budget().evaluations()) {
      RETURN_IF_ERROR(EvaluateNext());
    }
    FillHeader();
    if (weights_ != nullptr) made_.weights = weights_->all();
    return std::move(made_);
  }

 private:
  // Up to where the archive rejects the child, if `reject`.
  absl::StatusOr<ChunkAssembly> Scores(const Digest& genome,
                                       const v1::ChunkLayout* layout,
                                       LayoutOrderPointer order, bool reject) {
    ChunkAssembly assembly(ScoreKind::kBinary, schedule_.options().tasks,
                           std::move(order));
    for (const v1::ChunkScores& chunk :
         SyntheticScores(spec_, genome.ToBytes(), layout, /*holdout=*/false)) {
      RETURN_IF_ERROR(
          assembly.Add(chunk.task(), chunk.chunk(), chunk.scores()).status());
      if (reject && schedule_.Rejects(assembly)) break;
    }
    return assembly;
  }

  absl::Status ScoreSeeds() {
    std::vector<std::vector<uint32_t>> scores;
    std::vector<Digest> weights;
    const std::vector<Digest>& digests = schedule_.options().seed_digests;
    for (int k = 0; k < spec_.seeds_size(); ++k) {
      if (weights_ != nullptr) {
        weights.push_back(weights_->MakeSeed(k - spec_.seeds_size()));
      }
      const Digest genome =
          weights_ != nullptr
              ? digests[k]
              : RecipeDigest(schedule_.options(),
                             RecipeOfSeed(schedule_.options(), k));
      ASSIGN_OR_RETURN(
          const ChunkAssembly assembly,
          Scores(genome, nullptr, schedule_.file_order(), /*reject=*/false));
      scores.push_back(assembly.scores());
      made_.header.add_seed_scores(
          PackScores(ScoreKind::kBinary, scores.back()));
    }
    return schedule_.Start(std::move(scores), weights);
  }

  v1::ChunkLayout LayoutOf(const LayoutOrderPointer& order) const {
    v1::ChunkLayout layout;
    for (const TaskExtent& task : schedule_.options().tasks) {
      v1::TaskOrder& part = *layout.add_tasks();
      for (int64_t i = task.begin; i < task.end; ++i) {
        part.add_datapoints((*order)[i] - static_cast<uint32_t>(task.begin));
      }
    }
    return layout;
  }

  absl::StatusOr<AppliedResult> Apply(const Proposal& proposal,
                                      v1::LogEntry& entry) {
    const int64_t candidate = proposal.candidate;
    if (candidate == kQuarantined) {
      entry.set_quarantine_error("this candidate is meant to fail");
      ++quarantined_;
      return schedule_.Apply(candidate, std::nullopt);
    }
    const LayoutOrderPointer order = schedule_.layout(proposal.layout_version);
    const v1::ChunkLayout layout = LayoutOf(order);
    ASSIGN_OR_RETURN(const ChunkAssembly scores,
                     Scores(proposal.genome, &layout, order,
                            /*reject=*/candidate >= kFirstRejected));
    if (scores.complete()) {
      entry.set_scores(PackScores(ScoreKind::kBinary, scores.scores()));
      if (weights_ == nullptr) {
        return schedule_.Apply(candidate, scores.scores());
      }
      ASSIGN_OR_RETURN(const Digest weights,
                       weights_->MakeChild(proposal, entry));
      return schedule_.Apply(candidate, scores.scores(), weights);
    }
    PackedChunks packed = scores.Pack();
    entry.set_scores(std::move(packed.scores));
    entry.set_known_chunks(std::move(packed.known_chunks));
    ++rejected_early_;
    return schedule_.ApplyRejected(candidate, scores);
  }

  absl::Status EvaluateNext() {
    const Proposal& proposal = schedule_.open().front();
    v1::LogEntry& entry = made_.log.emplace_back();
    *entry.mutable_proposal() = ProposalToProto(proposal);
    ASSIGN_OR_RETURN(const AppliedResult result, Apply(proposal, entry));
    entry.set_dropped_slot(result.dropped_slot);
    entry.set_child_fitness(result.child_fitness.units());
    accepted_ += result.accepted ? 1 : 0;
    return absl::OkStatus();
  }

  double HoldoutAccuracy(const Digest& genome) const {
    int64_t right = 0;
    int64_t all = 0;
    for (const v1::ChunkScores& chunk :
         SyntheticScores(spec_, genome.ToBytes(), nullptr, /*holdout=*/true)) {
      for (const char byte : chunk.scores()) {
        right += std::popcount(static_cast<uint8_t>(byte));
      }
      all = spec_.tasks(0).holdout().rows();
    }
    return static_cast<double>(right) / static_cast<double>(all);
  }

  void FillHeader() {
    const Archive& archive = schedule_.archive();
    v1::Campaign& campaign = *made_.header.mutable_campaign();
    campaign.set_name(spec_.name());
    campaign.set_uid("synthetic-1");
    *campaign.mutable_spec() = spec_;
    campaign.set_state(v1::CAMPAIGN_STATE_COMPLETED);
    v1::Progress& progress = *campaign.mutable_progress();
    progress.set_evaluations(schedule_.applied());
    progress.set_accepted(accepted_);
    progress.set_quarantined(quarantined_);
    progress.set_rejected_early(rejected_early_);
    progress.set_archive_digest(schedule_.archive_digest().ToBytes());
    progress.set_coverage(archive.coverage());
    progress.set_entropy(archive.entropy());
    progress.set_active_seconds(2);
    FillBest(*progress.mutable_best());
    for (int i = 0; i < archive.population(); ++i) FillSlot(i);
    made_.header.set_gram_size_bytes(static_cast<int64_t>(made_.gram.size()));
    v1::CurvePoint& point = *made_.header.add_curve();
    point.set_evaluations(schedule_.applied());
    point.set_candidate(progress.best().candidate());
    point.set_search_accuracy(progress.best().search_accuracy());
  }

  void FillBest(v1::BestCandidate& best) {
    const Archive& archive = schedule_.archive();
    const int slot = *archive.best_slot();
    const Member& member = *archive.slot(slot);
    const std::vector<uint32_t>& weights = archive.options().task_weight;
    const auto worth =
        std::accumulate(weights.begin(), weights.end(), uint64_t{0});
    best.set_candidate(member.sequence_number);
    best.set_search_accuracy(static_cast<double>(archive.weighted_score(slot)) /
                             static_cast<double>(worth));
    best.set_holdout_accuracy(HoldoutAccuracy(member.genome));
    best.set_genome_digest(member.genome.ToBytes());
  }

  void FillSlot(int i) {
    v1::ArchiveSlot& slot = *made_.header.add_slots();
    const auto& member = schedule_.archive().slot(i);
    if (!member.has_value()) return;
    slot.set_candidate(member->sequence_number);
    slot.set_genome_digest(member->genome.ToBytes());
    if (weights_ == nullptr) {
      *slot.mutable_recipe() = RecipeToProto(*schedule_.recipe(i));
    } else {
      *slot.mutable_weights() = weights_->RefOf(member->sequence_number);
    }
    slot.set_scores(PackScores(ScoreKind::kBinary, member->scores));
  }

  v1::CampaignSpec spec_;
  OrderedSchedule schedule_;
  std::unique_ptr<SyntheticWeights> weights_;
  SyntheticCampaign made_;
  int64_t accepted_ = 0;
  int64_t quarantined_ = 0;
  int64_t rejected_early_ = 0;
};

absl::StatusOr<SyntheticCampaign> MakeOfRecipes(v1::CampaignSpec spec) {
  ASSIGN_OR_RETURN(ScheduleOptions options, MakeScheduleOptions(spec));
  ThreadTeam team(1);
  ASSIGN_OR_RETURN(const CampaignSeeds seeds, OpenLocalSeeds(spec, "", team));
  auto gram = std::make_shared<const GramSums>(seeds.MakeGramSums(team));
  ASSIGN_OR_RETURN(OrderedSchedule schedule,
                   OrderedSchedule::Create(std::move(options), gram));
  return Maker(std::move(spec), std::move(schedule), gram->Serialise(), nullptr)
      .Make();
}

}  // namespace

absl::Status SyntheticCampaign::Export(ExportPart part) const {
  constexpr size_t kBatch = 100;
  v1::ExportCampaignResponse response;
  *response.mutable_header() = header;
  RETURN_IF_ERROR(part(response));
  for (size_t begin = 0; begin < log.size(); begin += kBatch) {
    const size_t end = std::min(begin + kBatch, log.size());
    *response.mutable_log()->mutable_entries() = {log.begin() + begin,
                                                  log.begin() + end};
    RETURN_IF_ERROR(part(response));
  }
  if (gram.empty()) return absl::OkStatus();
  response.set_gram(gram.substr(0, gram.size() / 2));
  RETURN_IF_ERROR(part(response));
  response.set_gram(gram.substr(gram.size() / 2));
  return part(response);
}

absl::StatusOr<SyntheticCampaign> MakeSyntheticCampaign(
    const std::string& folder, int64_t evaluations) {
  ASSIGN_OR_RETURN(v1::CampaignSpec spec,
                   MakeSyntheticSpec(folder, evaluations));
  return MakeOfRecipes(std::move(spec));
}

absl::StatusOr<SyntheticCampaign> MakeSyntheticBaseCampaign(
    const std::string& folder, int64_t evaluations) {
  ASSIGN_OR_RETURN(v1::CampaignSpec spec,
                   MakeSyntheticBaseSpec(folder, evaluations));
  return MakeOfRecipes(std::move(spec));
}

absl::StatusOr<SyntheticCampaign> MakeSyntheticWeightsCampaign(
    const std::string& folder, int64_t evaluations) {
  ASSIGN_OR_RETURN(v1::CampaignSpec spec,
                   MakeSyntheticWeightsSpec(folder, evaluations));
  ASSIGN_OR_RETURN(ScheduleOptions options, MakeScheduleOptions(spec));
  auto weights = std::make_unique<SyntheticWeights>(spec, options.layout);
  ASSIGN_OR_RETURN(OrderedSchedule schedule,
                   OrderedSchedule::Create(std::move(options), nullptr));
  return Maker(std::move(spec), std::move(schedule), "", std::move(weights))
      .Make();
}

std::vector<v1::ChunkScores> SyntheticScores(const v1::CampaignSpec& spec,
                                             const std::string& genome_digest,
                                             const v1::ChunkLayout* layout,
                                             bool holdout) {
  std::vector<v1::ChunkScores> chunks;
  for (int t = 0; t < spec.tasks_size(); ++t) {
    const v1::TaskSpec& task = spec.tasks(t);
    std::vector<uint32_t> order(static_cast<size_t>(
        holdout ? task.holdout().rows() : task.search().rows()));
    std::iota(order.begin(), order.end(), 0);
    if (layout != nullptr) {
      const auto& given = layout->tasks(t).datapoints();
      order.assign(given.begin(), given.end());
    }
    const auto size = static_cast<size_t>(task.chunk_size());
    for (size_t begin = 0; begin < order.size(); begin += size) {
      const std::span<const uint32_t> all(order);
      v1::ChunkScores& chunk = chunks.emplace_back();
      chunk.set_task(t);
      chunk.set_chunk(static_cast<int32_t>(begin / size));
      chunk.set_scores(
          HashChunk(genome_digest,
                    all.subspan(begin, std::min(size, order.size() - begin))));
    }
  }
  return chunks;
}

std::vector<v1::ChunkScores> SyntheticScores(const v1::CampaignSpec& spec,
                                             const v1::Job& job,
                                             const v1::ChunkLayout* layout) {
  std::vector<v1::ChunkScores> scores =
      SyntheticScores(spec, job.genome_digest(), layout,
                      job.key().kind() == v1::JOB_KIND_HOLDOUT);
  std::erase_if(scores, [&job](const v1::ChunkScores& chunk) {
    return !IsWanted(job, chunk);
  });
  return scores;
}

}  // namespace merganser
