#include "client/replay/replay.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/proposal_proto.h"
#include "common/campaign_spec/validate.h"
#include "common/evolution/scores.h"
#include "common/genome_proto/genome_proto.h"

namespace merganser {
namespace {

constexpr int64_t kProgressInterval = 256;

std::string Hex(const std::string& bytes) {
  return absl::BytesToHexString(bytes);
}

// Everything that the log says of how a child was drawn.
void CompareProposals(const std::string& where, const v1::Proposal& expected,
                      const v1::Proposal& found, DifferenceList& differences) {
  const auto compare = [&](const char* field, int64_t a, int64_t b) {
    differences.Compare(where, absl::StrCat("proposal.", field), a, b);
  };
  compare("candidate", expected.candidate(), found.candidate());
  compare("parent_a", expected.parent_a(), found.parent_a());
  compare("parent_b", expected.parent_b(), found.parent_b());
  compare("crossover", expected.crossover(), found.crossover());
  compare("layout_version", expected.layout_version(), found.layout_version());
  compare("chromosomes", expected.chromosomes_size(), found.chromosomes_size());
  const int both =
      std::min(expected.chromosomes_size(), found.chromosomes_size());
  for (int c = 0; c < both; ++c) {
    const v1::ChromosomeCrossover& a = expected.chromosomes(c);
    const v1::ChromosomeCrossover& b = found.chromosomes(c);
    const std::string prefix = absl::StrCat("proposal.chromosomes[", c, "].");
    const auto compare_bits = [&](const char* field, double x, double y) {
      differences.CompareBits(where, prefix + field, x, y);
    };
    differences.Compare(where, prefix + "split_block", a.split_block(),
                        b.split_block());
    compare_bits("mix", a.mix(), b.mix());
    compare_bits("before_a", a.before_a(), b.before_a());
    compare_bits("before_b", a.before_b(), b.before_b());
    compare_bits("after_a", a.after_a(), b.after_a());
    compare_bits("after_b", a.after_b(), b.after_b());
  }
  differences.Compare(where, "proposal.genome_digest",
                      Hex(expected.genome_digest()),
                      Hex(found.genome_digest()));
}

class Replayer {
 public:
  Replayer(RecordReader& record, ReplayObserver* observer,
           DifferenceList& differences, OrderedSchedule schedule)
      : header_(record.header()),
        record_(record),
        observer_(observer),
        differences_(differences),
        schedule_(std::move(schedule)),
        parents_(schedule_.archive().population()) {}

  absl::StatusOr<ReplayOutcome> Run(
      const std::function<void(int64_t)>& progress) {
    RETURN_IF_ERROR(Start());
    while (true) {
      ASSIGN_OR_RETURN(const auto entry, record_.Next());
      if (!entry.has_value()) break;
      RETURN_IF_ERROR(ApplyEntry(*entry));
      ++outcome_.results;
      if (progress && outcome_.results % kProgressInterval == 0) {
        progress(outcome_.results);
      }
    }
    outcome_.archive_digest = schedule_.archive_digest();
    FindWinner();
    CompareCounts();
    CompareSlots();
    CompareBest();
    return std::move(outcome_);
  }

 private:
  const ArchiveOptions& archive_options() const {
    return schedule_.options().archive;
  }

  absl::StatusOr<std::vector<uint32_t>> Unpack(const std::string& where,
                                               const std::string& packed) {
    auto scores = UnpackScores(archive_options().kind,
                               archive_options().datapoints, packed);
    if (!scores.ok()) {
      return absl::DataLossError(
          absl::StrCat(where, ": scores: ", scores.status().message()));
    }
    return scores;
  }

  // What the entry says of the child's scores; nothing if it was given up.
  absl::StatusOr<ChunkAssembly> UnpackEntry(const std::string& where,
                                            const v1::LogEntry& entry,
                                            LayoutOrderPointer layout) {
    const ScoreKind kind = archive_options().kind;
    const std::vector<TaskExtent>& tasks = schedule_.options().tasks;
    if (!entry.quarantine_error().empty()) {
      differences_.Compare(where, "bytes of scores of a quarantined child", 0,
                           static_cast<int64_t>(entry.scores().size()));
      return ChunkAssembly(kind, tasks, std::move(layout));
    }
    if (entry.known_chunks().empty()) {
      ASSIGN_OR_RETURN(std::vector<uint32_t> scores,
                       Unpack(where, entry.scores()));
      return ChunkAssembly(kind, tasks, std::move(layout), std::move(scores));
    }
    auto known = ChunkAssembly::Unpack(
        kind, tasks, std::move(layout),
        {.known_chunks = entry.known_chunks(), .scores = entry.scores()});
    if (known.ok()) return known;
    return absl::DataLossError(
        absl::StrCat(where, ": ", known.status().message()));
  }

  // A child that was rejected early must be one that its archive rejects. If it
  // is not, the replay goes on as the record did.
  absl::StatusOr<AppliedResult> Apply(const std::string& where,
                                      int64_t candidate,
                                      const v1::LogEntry& entry,
                                      const ChunkAssembly& scores) {
    if (!entry.quarantine_error().empty()) {
      ++outcome_.quarantined;
      return schedule_.Apply(candidate, std::nullopt);
    }
    if (entry.known_chunks().empty()) {
      return schedule_.Apply(candidate, scores.scores());
    }
    ++outcome_.rejected_early;
    if (schedule_.Rejects(scores)) {
      return schedule_.ApplyRejected(candidate, scores);
    }
    differences_.Add({where, "known_chunks",
                      "scores that prove that the child had to be dropped",
                      "scores that do not"});
    return schedule_.Apply(candidate, std::nullopt);
  }

  absl::Status Start() {
    if (observer_ != nullptr) {
      RETURN_IF_ERROR(observer_->OnStart(header_.campaign().spec(),
                                         schedule_.options().tasks));
    }
    std::vector<std::vector<uint32_t>> scores;
    for (const std::string& packed : header_.seed_scores()) {
      ASSIGN_OR_RETURN(
          scores.emplace_back(),
          Unpack(absl::StrCat("header, seed ", scores.size()), packed));
    }
    const size_t seeds = schedule_.options().seed_digests.size();
    if (scores.size() != seeds) {
      return absl::DataLossError(absl::StrCat(
          "header: seed_scores: expected those of ", seeds, " seeds; found ",
          scores.size(), scores.empty() ? "; has the campaign begun?" : ""));
    }
    RETURN_IF_ERROR(schedule_.Start(std::move(scores)));
    return ShowSeeds();
  }

  absl::Status ShowSeeds() {
    if (observer_ == nullptr) return absl::OkStatus();
    const std::vector<Digest>& digests = schedule_.options().seed_digests;
    const int seeds = static_cast<int>(digests.size());
    const int chromosomes =
        static_cast<int>(schedule_.options().layout.chromosomes.size());
    for (int k = 0; k < seeds; ++k) {
      const LinearRecipe recipe = SeedRecipe(k, seeds, chromosomes);
      const Digest genome = GenomeDigest(recipe, digests);
      ASSIGN_OR_RETURN(std::vector<uint32_t> scores,
                       Unpack("header", header_.seed_scores(k)));
      const ChunkAssembly chunks(archive_options().kind,
                                 schedule_.options().tasks,
                                 schedule_.file_order(), std::move(scores));
      RETURN_IF_ERROR(observer_->OnCandidate({.number = k - seeds,
                                              .recipe = recipe,
                                              .genome = genome,
                                              .layout = schedule_.file_order(),
                                              .scores = chunks,
                                              .accepted = true}));
    }
    return absl::OkStatus();
  }

  absl::Status ApplyEntry(const v1::LogEntry& entry) {
    const std::string where = absl::StrCat("log entry ", outcome_.results);
    const Proposal* open = schedule_.options().async
                               ? schedule_.Find(entry.proposal().candidate())
                               : &schedule_.open().front();
    if (open == nullptr) {
      return absl::DataLossError(
          absl::StrCat(where, ": candidate ", entry.proposal().candidate(),
                       " could not be applied at this place"));
    }
    // A copy: applying it takes it apart.
    const Proposal proposal = *open;
    const LayoutOrderPointer layout = schedule_.layout(proposal.layout_version);
    CompareProposals(where, ProposalToProto(proposal), entry.proposal(),
                     differences_);
    ASSIGN_OR_RETURN(const ChunkAssembly scores,
                     UnpackEntry(where, entry, layout));
    ASSIGN_OR_RETURN(const AppliedResult result,
                     Apply(where, proposal.candidate, entry, scores));
    CompareResult(where, result, entry);
    if (result.accepted) {
      ++outcome_.accepted;
      parents_[result.dropped_slot] = {proposal.parent_a, proposal.parent_b};
    }
    if (observer_ == nullptr || !entry.quarantine_error().empty()) {
      return absl::OkStatus();
    }
    return observer_->OnCandidate({.number = proposal.candidate,
                                   .recipe = proposal.recipe,
                                   .genome = proposal.genome,
                                   .layout_version = proposal.layout_version,
                                   .layout = layout,
                                   .scores = scores,
                                   .accepted = result.accepted});
  }

  void CompareResult(const std::string& where, const AppliedResult& result,
                     const v1::LogEntry& entry) {
    differences_.Compare(where, "dropped_slot", result.dropped_slot,
                         entry.dropped_slot());
    differences_.Compare(where, "child_fitness",
                         absl::StrCat(result.child_fitness.units()),
                         absl::StrCat(entry.child_fitness()));
  }

  void FindWinner() {
    const std::optional<int> best = schedule_.archive().best_slot();
    if (!best.has_value()) return;
    const Member& member = *schedule_.archive().slot(*best);
    outcome_.winner = {.campaign = header_.campaign().name(),
                       .uid = header_.campaign().uid(),
                       .candidate = member.sequence_number,
                       .genome = member.genome,
                       .recipe = *schedule_.recipe(*best),
                       .parents = parents_[*best]};
  }

  void CompareCounts() {
    const v1::Progress& progress = header_.campaign().progress();
    differences_.Compare("header", "progress.evaluations", outcome_.results,
                         progress.evaluations());
    differences_.Compare("header", "progress.accepted", outcome_.accepted,
                         progress.accepted());
    differences_.Compare("header", "progress.quarantined", outcome_.quarantined,
                         progress.quarantined());
    differences_.Compare("header", "progress.rejected_early",
                         outcome_.rejected_early, progress.rejected_early());
    differences_.Compare("header", "progress.archive_digest",
                         outcome_.archive_digest.ToHex(),
                         Hex(progress.archive_digest()));
    differences_.CompareBits("header", "progress.coverage",
                             schedule_.archive().coverage(),
                             progress.coverage());
  }

  void CompareSlots() {
    const int population = schedule_.archive().population();
    differences_.Compare("header", "number of slots", population,
                         header_.slots_size());
    for (int i = 0; i < std::min(population, header_.slots_size()); ++i) {
      CompareSlot(absl::StrCat("archive slot ", i), i, header_.slots(i));
    }
  }

  void CompareSlot(const std::string& where, int slot,
                   const v1::ArchiveSlot& found) {
    const std::optional<Member>& member = schedule_.archive().slot(slot);
    if (!member.has_value() || !found.has_candidate()) {
      differences_.Compare(
          where, "candidate",
          member.has_value() ? absl::StrCat(member->sequence_number) : "none",
          found.has_candidate() ? absl::StrCat(found.candidate()) : "none");
      return;
    }
    differences_.Compare(where, "candidate", member->sequence_number,
                         found.candidate());
    differences_.Compare(where, "genome_digest", member->genome.ToHex(),
                         Hex(found.genome_digest()));
    const auto recipe = RecipeFromProto(found.recipe());
    if (!recipe.ok() || *recipe != *schedule_.recipe(slot)) {
      differences_.Add({where, "recipe", RecipeToJson(*schedule_.recipe(slot)),
                        recipe.ok() ? RecipeToJson(*recipe)
                                    : std::string(recipe.status().message())});
    }
    const std::string scores =
        PackScores(archive_options().kind, member->scores);
    if (scores != found.scores()) {
      differences_.Add({where, "scores", "those of the log",
                        DescribeScores(scores, found.scores())});
    }
  }

  void CompareBest() {
    const v1::Progress& progress = header_.campaign().progress();
    const std::optional<int> best = schedule_.archive().best_slot();
    differences_.Compare("header", "progress.best", best.has_value() ? 1 : 0,
                         progress.has_best() ? 1 : 0);
    if (!best.has_value() || !progress.has_best()) return;
    differences_.Compare("header", "progress.best.candidate",
                         outcome_.winner.candidate,
                         progress.best().candidate());
    differences_.Compare("header", "progress.best.genome_digest",
                         outcome_.winner.genome.ToHex(),
                         Hex(progress.best().genome_digest()));
    uint64_t worth = 0;
    for (const uint32_t weight : archive_options().task_weight) worth += weight;
    worth *= FullScore(archive_options().kind);
    differences_.CompareBits(
        "header", "progress.best.search_accuracy",
        static_cast<double>(schedule_.archive().weighted_score(*best)) /
            static_cast<double>(worth),
        progress.best().search_accuracy());
  }

  const v1::ExportHeader& header_;
  RecordReader& record_;
  ReplayObserver* observer_;
  DifferenceList& differences_;
  OrderedSchedule schedule_;
  std::vector<std::vector<int64_t>> parents_;  // [slots]; empty for a seed
  ReplayOutcome outcome_;
};

}  // namespace

absl::StatusOr<ReplayOutcome> Replay(
    RecordReader& record, ReplayObserver* observer,
    const std::function<void(int64_t)>& progress, DifferenceList& differences) {
  const v1::CampaignSpec& spec = record.header().campaign().spec();
  RETURN_IF_ERROR(Annotate(ValidateSpec(spec, {.require_resolved = true}),
                           "header: campaign.spec"));
  ASSIGN_OR_RETURN(ScheduleOptions options, MakeScheduleOptions(spec));
  auto schedule = OrderedSchedule::Create(
      std::move(options), std::make_shared<const GramSums>(record.gram()));
  if (!schedule.ok()) return Annotate(schedule.status(), "header");
  return Replayer(record, observer, differences, *std::move(schedule))
      .Run(progress);
}

}  // namespace merganser
