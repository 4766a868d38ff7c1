// How candidates share what a datapoint is worth: c_j / z_j^α.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/evolution/archive_options.h"
#include "common/evolution/fitness.h"

namespace merganser {

// A candidate's scores, [datapoints]; an empty span scores nothing.
using ScoreRow = std::span<const uint32_t>;

// What one unit of score is worth on each datapoint, among given candidates.
struct Worth {
  // Binary scores, [datapoints]: task weight times table entry for z.
  std::vector<uint64_t> exact;
  // Continuous scores, [datapoints]: task weight · c / z^α · 2^-20.
  std::vector<double> real;
  // The scores that earn nothing, [datapoints]; empty unless subtract_worst.
  std::vector<uint32_t> worst;
};

// The rule of competition of one campaign.
// Threads: immutable after construction; safe to share.
// Source: arXiv 2508.16204, equation 3; integer weights as in DESIGN.md 3.
class Competition {
 public:
  // The options are valid.
  // Errors: InvalidArgument if a sum of fitness could leave 63 bits.
  static absl::StatusOr<Competition> Create(const ArchiveOptions& options);

  // What a solved datapoint of weight 1 is worth to a candidate that solves it
  // alone, in units of Fitness: lcm(1 … P+1) for α 0 or 1 and P up to 20, else
  // 2^36; 1 for continuous scores.
  double scale() const { return scale_; }

  // Binary scores: what a datapoint of this niche load, 0 … P+1, is worth to
  // each who solves it.
  uint64_t ExactWorth(uint64_t niche_load, uint32_t task_weight) const {
    return table_[niche_load] * task_weight;
  }

  // The worth of every datapoint among `rows`, of which niche_load is the sum.
  Worth Share(const ArchiveOptions& options, std::span<const ScoreRow> rows,
              std::span<const uint64_t> niche_load) const;

 private:
  Worth ShareReal(const ArchiveOptions& options, std::span<const ScoreRow> rows,
                  std::span<const uint64_t> niche_load) const;

  double scale_ = 1;
  // Binary scores: entry z, 0 … P+1; entry 0 is 0.
  std::vector<uint64_t> table_;
};

// Continuous scores: the worth of one unit of score on a datapoint, among the
// P+1 candidates of which niche_load is the sum; a score of `worst` earns
// nothing. `highest` is the best score among them.
double RealWorth(const ArchiveOptions& options, uint32_t task_weight,
                 uint64_t niche_load, uint32_t worst, uint32_t highest,
                 size_t candidates);

// f of every row: the sum over its datapoints of worth × score.
std::vector<Fitness> SumFitness(const Worth& worth,
                                std::span<const ScoreRow> rows);

// g(A, ·) of every row: the sum of worth × what it scores above `a`.
std::vector<Fitness> SumAttraction(const Worth& worth, ScoreRow a,
                                   std::span<const ScoreRow> rows);

}  // namespace merganser
