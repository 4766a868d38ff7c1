#include "common/evolution/archive.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/evolution/scores.h"

namespace merganser {
namespace {

// Entropy of a coin that shows heads with probability p, in bits.
double BinaryEntropy(double p) {
  if (p <= 0 || p >= 1) return 0;
  return -(p * std::log2(p) + (1 - p) * std::log2(1 - p));
}

uint64_t WeightedSum(std::span<const uint32_t> weights, ScoreRow row) {
  uint64_t total = 0;
  for (size_t j = 0; j < row.size(); ++j) {
    total += uint64_t{weights[j]} * row[j];
  }
  return total;
}

}  // namespace

absl::StatusOr<Archive> Archive::Create(ArchiveOptions options) {
  RETURN_IF_ERROR(ValidateArchiveOptions(options));
  ASSIGN_OR_RETURN(Competition competition, Competition::Create(options));
  return Archive(std::move(options), std::move(competition));
}

Archive::Archive(ArchiveOptions options, Competition competition)
    : options_(std::move(options)),
      competition_(std::move(competition)),
      slots_(options_.population),
      niche_load_(options_.datapoints),
      fitness_(options_.population),
      weighted_scores_(options_.population),
      attraction_(options_.population) {
  worth_ = competition_.Share(options_, Rows(), niche_load_);
}

std::vector<ScoreRow> Archive::Rows() const {
  std::vector<ScoreRow> rows;
  rows.reserve(slots_.size() + 1);
  for (const std::optional<Member>& slot : slots_) {
    rows.push_back(slot ? ScoreRow(slot->scores) : ScoreRow());
  }
  return rows;
}

absl::StatusOr<Replacement> Archive::Add(Member child) {
  RETURN_IF_ERROR(
      ValidateScores(options_.kind, options_.datapoints, child.scores));
  std::vector<ScoreRow> rows = Rows();
  rows.push_back(child.scores);
  std::vector<uint64_t> load = niche_load_;
  for (size_t j = 0; j < load.size(); ++j) load[j] += child.scores[j];
  const std::vector<Fitness> fitness =
      SumFitness(competition_.Share(options_, rows, load), rows);

  // min_element returns the first of equals: the lowest slot on ties.
  const auto lowest = std::min_element(fitness.begin(), fitness.end());
  Replacement replacement;
  replacement.dropped_slot = static_cast<int>(lowest - fitness.begin());
  replacement.accepted = replacement.dropped_slot != population();
  replacement.child_fitness = fitness.back();
  if (replacement.accepted) {
    Place(replacement.dropped_slot, std::move(child));
    Refresh();
  }
  return replacement;
}

absl::Status Archive::Restore(std::map<int, std::optional<Member>> members) {
  for (const auto& [slot, member] : members) {
    if (slot < 0 || slot >= population()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "slot: expected 0 to ", population() - 1, ", got ", slot));
    }
    if (!member) continue;
    RETURN_IF_ERROR(
        ValidateScores(options_.kind, options_.datapoints, member->scores));
  }
  for (auto& [slot, member] : members) Place(slot, std::move(member));
  Refresh();
  return absl::OkStatus();
}

absl::Status Archive::Restore(int slot, std::optional<Member> member) {
  std::map<int, std::optional<Member>> members;
  members[slot] = std::move(member);
  return Restore(std::move(members));
}

void Archive::Place(int slot, std::optional<Member> member) {
  if (slots_[slot]) {
    const ScoreRow old = slots_[slot]->scores;
    for (size_t j = 0; j < old.size(); ++j) niche_load_[j] -= old[j];
  }
  slots_[slot] = std::move(member);
  const ScoreRow added =
      slots_[slot] ? ScoreRow(slots_[slot]->scores) : ScoreRow();
  for (size_t j = 0; j < added.size(); ++j) niche_load_[j] += added[j];
  weighted_scores_[slot] = WeightedSum(options_.task_weight, added);
}

void Archive::Refresh() {
  const std::vector<ScoreRow> rows = Rows();
  worth_ = competition_.Share(options_, rows, niche_load_);
  fitness_ = SumFitness(worth_, rows);
  for (std::vector<Fitness>& kept : attraction_) kept.clear();
}

const std::vector<Fitness>& Archive::Attraction(int slot_a) const {
  std::vector<Fitness>& kept = attraction_[slot_a];
  if (kept.empty()) {
    const std::vector<ScoreRow> rows = Rows();
    kept = SumAttraction(worth_, rows[slot_a], rows);
  }
  return kept;
}

std::optional<int> Archive::best_slot() const {
  std::optional<int> best;
  for (int i = 0; i < population(); ++i) {
    if (!slots_[i]) continue;
    if (!best || weighted_scores_[i] > weighted_scores_[*best]) best = i;
  }
  return best;
}

double Archive::coverage() const {
  const auto solved = std::count_if(niche_load_.begin(), niche_load_.end(),
                                    [](uint64_t load) { return load > 0; });
  return static_cast<double>(solved) / static_cast<double>(datapoints());
}

double Archive::entropy() const {
  const double full =
      static_cast<double>(population()) * FullScore(options_.kind);
  double total = 0;
  for (const uint64_t load : niche_load_) {
    total += BinaryEntropy(static_cast<double>(load) / full);
  }
  return total / static_cast<double>(datapoints());
}

Digest Archive::digest(int64_t results_applied) const {
  DigestBuilder builder;
  builder.String("merganser-archive-1")
      .I64(population())
      .I64(datapoints())
      .I64(results_applied);
  for (const std::optional<Member>& slot : slots_) {
    builder.U32(slot ? 1 : 0);
    if (!slot) continue;
    builder.I64(slot->sequence_number)
        .Nested(slot->genome)
        .String(PackScores(options_.kind, slot->scores));
  }
  return builder.Finish();
}

}  // namespace merganser
