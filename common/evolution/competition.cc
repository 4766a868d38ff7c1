#include "common/evolution/competition.h"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/evolution/power.h"

namespace merganser {
namespace {

// Up to here lcm(1 … P+1)/z is an integer for every z that can occur and the
// sums still have room.
constexpr int kLargestExactPopulation = 20;
constexpr double kRoundedScale = 0x1.0p36;
constexpr double kUnit = 1.0 / kScoreUnit;

// lcm(1 … P+1) / z^alpha for z = 1 … P+1, alpha 0 or 1.
std::vector<uint64_t> ExactTable(int candidates, double alpha) {
  const uint64_t multiple = LeastCommonMultipleUpTo(candidates);
  std::vector<uint64_t> table = {0};
  for (int z = 1; z <= candidates; ++z) {
    table.push_back(alpha == 0 ? multiple : multiple / z);
  }
  return table;
}

// round(2^36 / z^alpha) for z = 1 … P+1; halves go up.
std::vector<uint64_t> RoundedTable(int candidates, double alpha) {
  std::vector<uint64_t> table = {0};
  for (int z = 1; z <= candidates; ++z) {
    const double share = kRoundedScale / CorrectlyRoundedPower(z, alpha);
    table.push_back(static_cast<uint64_t>(share + 0.5));
  }
  return table;
}

// Whether the fitness of all candidates together fits 64 bits.
bool SumsFit(const ArchiveOptions& options,
             const std::vector<uint64_t>& table) {
  uint64_t largest_share = 1;
  for (size_t z = 1; z < table.size(); ++z) {
    largest_share = std::max(largest_share, z * table[z]);
  }
  uint64_t room = std::numeric_limits<int64_t>::max() / largest_share;
  for (const uint32_t weight : options.task_weight) {
    if (weight > room) return false;
    room -= weight;
  }
  return true;
}

struct Range {
  uint32_t lowest = 0;
  uint32_t highest = 0;
};

// Per datapoint the lowest and the highest score; empty rows score 0.
std::vector<Range> ScoreRanges(int64_t datapoints,
                               std::span<const ScoreRow> rows) {
  std::vector<Range> ranges(datapoints);
  bool first = true;
  for (const ScoreRow row : rows) {
    for (int64_t j = 0; j < datapoints; ++j) {
      const uint32_t score = row.empty() ? 0 : row[j];
      Range& range = ranges[j];
      range.lowest = first ? score : std::min(range.lowest, score);
      range.highest = std::max(range.highest, score);
    }
    first = false;
  }
  return ranges;
}

// Scores are 0 or 1 here, so that "above the base" is a bit operation.
uint64_t SumExact(std::span<const uint64_t> worth, ScoreRow row,
                  ScoreRow base) {
  uint64_t total = 0;
  if (base.empty()) {
    for (size_t j = 0; j < row.size(); ++j) total += worth[j] * row[j];
  } else {
    for (size_t j = 0; j < row.size(); ++j) {
      total += worth[j] * (row[j] & ~base[j]);
    }
  }
  return total;
}

// What a score earns above the score that earns nothing. Without a branch:
// which of the two is higher cannot be foretold.
int32_t Gain(uint32_t score, uint32_t base) {
  return std::max(static_cast<int32_t>(score) - static_cast<int32_t>(base), 0);
}

// Each row's sum in datapoint order. All rows advance together, since one
// chain of dependent additions would leave the processor waiting.
std::vector<double> SumReal(std::span<const double> worth,
                            std::span<const ScoreRow> rows, ScoreRow base) {
  std::vector<double> totals(rows.size());
  for (size_t j = 0; j < worth.size(); ++j) {
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].empty()) continue;
      const int32_t gain = Gain(rows[i][j], base.empty() ? 0 : base[j]);
      totals[i] += worth[j] * gain;
    }
  }
  return totals;
}

// The sum of every row's worth × what it scores above `base`; an empty base
// scores nothing.
std::vector<Fitness> SumAbove(const Worth& worth, ScoreRow base,
                              std::span<const ScoreRow> rows) {
  std::vector<Fitness> result(rows.size());
  if (!worth.real.empty()) {
    const std::vector<double> totals = SumReal(worth.real, rows, base);
    std::transform(totals.begin(), totals.end(), result.begin(),
                   &Fitness::Real);
    return result;
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    result[i] = Fitness::Exact(SumExact(worth.exact, rows[i], base));
  }
  return result;
}

}  // namespace

absl::StatusOr<Competition> Competition::Create(const ArchiveOptions& options) {
  Competition competition;
  if (options.kind == ScoreKind::kContinuous) return competition;
  const double alpha = options.alpha;
  const int candidates = options.population + 1;
  const bool exact = (alpha == 0 || alpha == 1) &&
                     options.population <= kLargestExactPopulation;
  competition.table_ =
      exact ? ExactTable(candidates, alpha) : RoundedTable(candidates, alpha);
  competition.scale_ = static_cast<double>(competition.table_[1]);
  if (!SumsFit(options, competition.table_)) {
    return absl::InvalidArgumentError(
        absl::StrCat("task_weight: the weights of ", options.datapoints,
                     " datapoints times a population of ", options.population,
                     " exceed 63 bits; lower the weights or the population"));
  }
  return competition;
}

Worth Competition::Share(const ArchiveOptions& options,
                         std::span<const ScoreRow> rows,
                         std::span<const uint64_t> niche_load) const {
  if (options.kind == ScoreKind::kContinuous) {
    return ShareReal(options, rows, niche_load);
  }
  Worth worth;
  worth.exact.resize(niche_load.size());
  for (size_t j = 0; j < niche_load.size(); ++j) {
    worth.exact[j] = table_[niche_load[j]] * options.task_weight[j];
  }
  return worth;
}

Worth Competition::ShareReal(const ArchiveOptions& options,
                             std::span<const ScoreRow> rows,
                             std::span<const uint64_t> niche_load) const {
  Worth worth;
  worth.real.resize(niche_load.size());
  if (options.subtract_worst) worth.worst.resize(niche_load.size());
  const std::vector<Range> ranges = ScoreRanges(options.datapoints, rows);
  for (size_t j = 0; j < niche_load.size(); ++j) {
    const uint32_t worst = options.subtract_worst ? ranges[j].lowest : 0;
    if (options.subtract_worst) worth.worst[j] = worst;
    worth.real[j] = RealWorth(options, options.task_weight[j], niche_load[j],
                              worst, ranges[j].highest, rows.size());
  }
  return worth;
}

double RealWorth(const ArchiveOptions& options, uint32_t task_weight,
                 uint64_t niche_load, uint32_t worst, uint32_t highest,
                 size_t candidates) {
  const uint64_t load = niche_load - uint64_t{worst} * candidates;
  if (load == 0) return 0;
  const double capacity = (highest - worst) * kUnit;
  const double divisor =
      CorrectlyRoundedPower(static_cast<double>(load) * kUnit, options.alpha);
  return task_weight * capacity / divisor * kUnit;
}

std::vector<Fitness> SumFitness(const Worth& worth,
                                std::span<const ScoreRow> rows) {
  return SumAbove(worth, worth.worst, rows);
}

std::vector<Fitness> SumAttraction(const Worth& worth, ScoreRow a,
                                   std::span<const ScoreRow> rows) {
  return SumAbove(worth, a, rows);
}

}  // namespace merganser
