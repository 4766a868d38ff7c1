// The population of a campaign and who stays in it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/evolution/archive_options.h"
#include "common/evolution/competition.h"
#include "common/evolution/fitness.h"

namespace merganser {

// A candidate that sits in a slot.
struct Member {
  int64_t sequence_number = 0;
  Digest genome;
  // Shape: [datapoints], in the units of ScoreKind.
  std::vector<uint32_t> scores;
};

// What became of a child.
struct Replacement {
  // The slot that the child took, or P if the child itself was dropped.
  int dropped_slot = 0;
  bool accepted = false;
  // The child's fitness over all P+1 candidates.
  Fitness child_fitness;
};

// Keeps the candidates that share the datapoints' worth best.
// Cost: Add is one pass over the (P+1)×N scores, two if the child enters.
// Threads: none; CampaignRunner owns it. Copies are independent.
// Source: arXiv 2508.16204, equations 3 and 4; sums and ties as in DESIGN.md
// section 3.
class Archive {
 public:
  // P empty slots.
  // Errors: InvalidArgument for options out of range, or if a sum of fitness
  // could leave 63 bits.
  static absl::StatusOr<Archive> Create(ArchiveOptions options);

  // Takes the child in and drops the candidate of the lowest fitness over all
  // P+1, the lowest slot on ties, so that a child replaces an old member that
  // it ties with. An empty slot counts as a member that scores nothing.
  // Errors: InvalidArgument on scores of a wrong length or out of range; the
  // archive is unchanged.
  absl::StatusOr<Replacement> Add(Member child);

  // Puts stored members, or emptiness, into slots; the others stay. Cost: one
  // pass over the P×N scores, however many they are.
  // Errors: InvalidArgument on a slot outside 0 … P-1 or scores as for Add;
  // the archive is unchanged.
  absl::Status Restore(std::map<int, std::optional<Member>> members);
  absl::Status Restore(int slot, std::optional<Member> member);

  int population() const { return options_.population; }
  int64_t datapoints() const { return options_.datapoints; }
  const ArchiveOptions& options() const { return options_; }

  // i in 0 … P-1; nullopt if the slot is empty.
  const std::optional<Member>& slot(int i) const { return slots_[i]; }

  // z: per datapoint the sum of the P slots' scores, in units of ScoreKind;
  // never lowered by subtract_worst. Valid until the archive changes.
  std::span<const uint64_t> niche_load() const { return niche_load_; }

  // f over the P slots; 0 for an empty one.
  const std::vector<Fitness>& fitness() const { return fitness_; }
  // What Fitness::ToDouble divides by.
  double fitness_scale() const { return competition_.scale(); }
  const Competition& competition() const { return competition_; }

  // g(A, ·) for every slot, by how much it scores where slot `slot_a` does
  // not; 0 for an empty one and for A itself. An empty A scores nothing.
  // slot_a in 0 … P-1. Kept until the archive changes: not for several threads
  // at once.
  const std::vector<Fitness>& Attraction(int slot_a) const;

  // Sum of the slot's scores times their tasks' weights; 0 for an empty slot.
  uint64_t weighted_score(int i) const { return weighted_scores_[i]; }
  // The member with the best weighted score, first slot on ties; nullopt if
  // every slot is empty.
  std::optional<int> best_slot() const;

  // Share of the datapoints on which some member scores, 0 … 1.
  double coverage() const;
  // Mean over the datapoints of the binary entropy of p = z/P, in bits, empty
  // slots counted as wrong. Continuous scores count as probabilities.
  // Reported only: it comes from libm and differs in its last bits.
  double entropy() const;

  // archive_digest: SHA-256 over String("merganser-archive-1"), I64(P), I64(N),
  // I64(results_applied), then per slot U32(0) if it is empty, else U32(1),
  // I64(sequence number), Nested(genome), String(PackScores(scores)).
  Digest digest(int64_t results_applied) const;

 private:
  Archive(ArchiveOptions options, Competition competition);

  // The slots' scores; an empty span for an empty slot.
  std::vector<ScoreRow> Rows() const;
  // Leaves what follows from all slots together to Refresh().
  void Place(int slot, std::optional<Member> member);
  void Refresh();

  ArchiveOptions options_;
  Competition competition_;
  std::vector<std::optional<Member>> slots_;
  // All below follow from slots_.
  std::vector<uint64_t> niche_load_;
  Worth worth_;
  std::vector<Fitness> fitness_;
  std::vector<uint64_t> weighted_scores_;
  // By slot A; empty until it is asked for.
  mutable std::vector<std::vector<Fitness>> attraction_;
};

}  // namespace merganser
