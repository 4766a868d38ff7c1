#include "client/report/campaign_history.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/archive/exported_archive.h"
#include "common/base/status_macros.h"
#include "common/evolution/scores.h"

namespace merganser {
namespace {

// Of a datapoint that the share p of the slots solves, bits.
double BinaryEntropy(double p) {
  if (p <= 0 || p >= 1) return 0;
  return -p * std::log2(p) - (1 - p) * std::log2(1 - p);
}

// The archive as far as curves need it: a change costs a pass over one member's
// scores, not over all.
class Fold {
 public:
  explicit Fold(const ArchiveOptions& options)
      : options_(options),
        full_(FullScore(options.kind)),
        slots_(options.population),
        scores_(options.population),
        load_(options.datapoints) {
    for (const uint32_t weight : options.task_weight) weights_ += weight;
  }

  double ScoreOf(const std::vector<uint32_t>& scores) const {
    double sum = 0;
    for (size_t j = 0; j < scores.size(); ++j) {
      sum += static_cast<double>(scores[j]) * options_.task_weight[j];
    }
    return sum / (full_ * weights_);
  }

  void Place(int slot, int64_t candidate, std::vector<uint32_t> scores) {
    const std::vector<uint32_t>& old = scores_[slot];
    for (size_t j = 0; j < scores.size(); ++j) {
      const uint64_t before = load_[j];
      load_[j] = before + scores[j] - (old.empty() ? 0 : old[j]);
      if (load_[j] == before) continue;
      covered_ += (load_[j] > 0 ? 1 : 0) - (before > 0 ? 1 : 0);
      entropy_ += EntropyOf(load_[j]) - EntropyOf(before);
    }
    slots_[slot] = {candidate, ScoreOf(scores)};
    scores_[slot] = std::move(scores);
  }

  HistoryPoint PointAt(int64_t evaluations) const {
    HistoryPoint point{.evaluations = evaluations};
    double sum = 0;
    int members = 0;
    for (const std::optional<Slot>& slot : slots_) {
      if (!slot.has_value()) continue;
      ++members;
      sum += slot->score;
      point.best = std::max(point.best, slot->score);
    }
    if (members > 0) point.mean = sum / members;
    const auto datapoints = static_cast<double>(options_.datapoints);
    point.coverage = static_cast<double>(covered_) / datapoints;
    point.entropy = std::max(0.0, entropy_ / datapoints);
    return point;
  }

  std::optional<int64_t> candidate(int slot) const {
    if (!slots_[slot].has_value()) return std::nullopt;
    return slots_[slot]->candidate;
  }

 private:
  struct Slot {
    int64_t candidate = 0;
    double score = 0;
  };

  double EntropyOf(uint64_t load) const {
    return BinaryEntropy(static_cast<double>(load) /
                         (full_ * options_.population));
  }

  const ArchiveOptions& options_;
  const double full_;
  double weights_ = 0;
  std::vector<std::optional<Slot>> slots_;
  std::vector<std::vector<uint32_t>> scores_;  // [slots]; empty = no member
  std::vector<uint64_t> load_;                 // [datapoints]
  int64_t covered_ = 0;
  double entropy_ = 0;  // sum over the datapoints
};

absl::Status AddSeeds(const ScheduleOptions& options,
                      const v1::ExportHeader& header, Fold& fold,
                      CampaignHistory& history) {
  ASSIGN_OR_RETURN(Archive archive, Archive::Create(options.archive));
  const int seeds = header.seed_scores_size();
  if (seeds != static_cast<int>(options.seed_digests.size())) {
    return absl::DataLossError(
        absl::StrCat("header: seed_scores: expected those of ",
                     options.seed_digests.size(), " seeds; found ", seeds));
  }
  for (int k = 0; k < seeds; ++k) {
    ASSIGN_OR_RETURN(
        std::vector<uint32_t> scores,
        UnpackExported(options.archive, header.seed_scores(k),
                       absl::StrCat("header: seed_scores[", k, "]")));
    history.candidates[k - seeds] = {.score = fold.ScoreOf(scores)};
    RETURN_IF_ERROR(
        archive.Add({.sequence_number = k - seeds, .scores = std::move(scores)})
            .status());
  }
  for (int i = 0; i < archive.population(); ++i) {
    if (!archive.slot(i).has_value()) continue;
    fold.Place(i, archive.slot(i)->sequence_number, archive.slot(i)->scores);
  }
  history.points.push_back(fold.PointAt(0));
  return absl::OkStatus();
}

absl::Status CompareSlots(const v1::ExportHeader& header, const Fold& fold) {
  for (int i = 0; i < header.slots_size(); ++i) {
    const v1::ArchiveSlot& slot = header.slots(i);
    const auto expected = slot.has_candidate()
                              ? std::optional<int64_t>(slot.candidate())
                              : std::nullopt;
    if (fold.candidate(i) != expected) {
      return absl::DataLossError(absl::StrCat(
          "the log does not lead to the archive: slot ", i,
          " holds another candidate; `merganser verify` finds where"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CampaignHistory> ReadHistory(const ScheduleOptions& options,
                                            RecordReader& record) {
  if (record.header().slots_size() > options.archive.population) {
    return absl::DataLossError(absl::StrCat("header: slots: expected at most ",
                                            options.archive.population));
  }
  CampaignHistory history;
  Fold fold(options.archive);
  RETURN_IF_ERROR(AddSeeds(options, record.header(), fold, history));
  for (int64_t evaluations = 1;; ++evaluations) {
    ASSIGN_OR_RETURN(std::optional<v1::LogEntry> entry, record.Next());
    if (!entry.has_value()) break;
    const int slot = entry->dropped_slot();
    if (slot < 0 || slot >= options.archive.population) continue;
    ASSIGN_OR_RETURN(
        std::vector<uint32_t> scores,
        UnpackExported(options.archive, entry->scores(),
                       absl::StrCat("log entry ", evaluations - 1)));
    const int64_t candidate = entry->proposal().candidate();
    history.candidates[candidate] = {evaluations, fold.ScoreOf(scores),
                                     std::move(*entry->mutable_proposal())};
    fold.Place(slot, candidate, std::move(scores));
    history.points.push_back(fold.PointAt(evaluations));
  }
  RETURN_IF_ERROR(CompareSlots(record.header(), fold));
  return history;
}

std::vector<int64_t> CampaignHistory::LineageOf(int64_t candidate) const {
  std::set<int64_t> lineage;
  std::vector<int64_t> open = {candidate};
  while (!open.empty()) {
    const int64_t next = open.back();
    open.pop_back();
    const auto found = candidates.find(next);
    if (found == candidates.end() || !lineage.insert(next).second) continue;
    const std::optional<v1::Proposal>& proposal = found->second.proposal;
    if (!proposal.has_value()) continue;
    open.push_back(proposal->parent_a());
    if (proposal->crossover()) open.push_back(proposal->parent_b());
  }
  return {lineage.begin(), lineage.end()};
}

}  // namespace merganser
