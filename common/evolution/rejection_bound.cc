#include "common/evolution/rejection_bound.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "common/evolution/competition.h"
#include "common/evolution/scores.h"

namespace merganser {
namespace {

constexpr double kLargestAlphaOfContinuous = 2;
constexpr double kRelativeMargin = 1e-9;
constexpr double kUnitRoundoff = 0x1.0p-53;
// Roundings that a term of a sum goes through here and in Archive::Add.
constexpr double kRoundingsPerTerm = 16;

bool IsFull(const Archive& archive) {
  for (int i = 0; i < archive.population(); ++i) {
    if (!archive.slot(i).has_value()) return false;
  }
  return true;
}

// On one datapoint: what a unit of score is worth if the child's score is full,
// and if it is the observed one.
struct UnitWorth {
  double full = 0;
  double observed = 0;
};

UnitWorth UnitWorthOf(const Archive& archive, uint32_t j, uint32_t score) {
  uint32_t lowest = FullScore(ScoreKind::kContinuous);
  uint32_t highest = 0;
  for (int i = 0; i < archive.population(); ++i) {
    const uint32_t other = archive.slot(i)->scores[j];
    lowest = std::min(lowest, other);
    highest = std::max(highest, other);
  }
  const ArchiveOptions& options = archive.options();
  const uint64_t load = archive.niche_load()[j];
  const auto worth_of = [&](uint32_t child) {
    const uint32_t worst = options.subtract_worst ? std::min(lowest, child) : 0;
    return RealWorth(options, options.task_weight[j], load + child, worst,
                     std::max(highest, child),
                     static_cast<size_t>(archive.population()) + 1);
  };
  return {.full = worth_of(kScoreUnit), .observed = worth_of(score)};
}

// What `score` earns more than `other`; what earns nothing cancels.
double Lead(double unit_worth, uint32_t score, uint32_t other) {
  return unit_worth * (static_cast<double>(score) - static_cast<double>(other));
}

// Of a child that solves everything, over each slot.
std::vector<int64_t> ExactLeads(const Archive& archive) {
  std::vector<int64_t> worth(archive.datapoints());
  for (size_t j = 0; j < worth.size(); ++j) {
    worth[j] = static_cast<int64_t>(archive.competition().ExactWorth(
        archive.niche_load()[j] + 1, archive.options().task_weight[j]));
  }
  std::vector<int64_t> leads(archive.population());
  for (int i = 0; i < archive.population(); ++i) {
    const std::vector<uint32_t>& scores = archive.slot(i)->scores;
    for (size_t j = 0; j < worth.size(); ++j) {
      leads[i] += worth[j] & (static_cast<int64_t>(scores[j]) - 1);
    }
  }
  return leads;
}

std::vector<int8_t> SolvedByDatapoint(const Archive& archive) {
  const auto slots = static_cast<size_t>(archive.population());
  std::vector<int8_t> solved(archive.datapoints() * slots);
  for (size_t i = 0; i < slots; ++i) {
    const std::vector<uint32_t>& scores =
        archive.slot(static_cast<int>(i))->scores;
    for (size_t j = 0; j < scores.size(); ++j) {
      solved[j * slots + i] = static_cast<int8_t>(-int{scores[j] != 0});
    }
  }
  return solved;
}

// leads[i] -= lost + (gain where the slot scores).
void TakeOff(int64_t lost, int64_t gain, const int8_t* solved,
             std::span<int64_t> leads) {
  for (size_t i = 0; i < leads.size(); ++i) {
    leads[i] -= lost + (gain & int64_t{solved[i]});
  }
}

std::vector<double> RealLeads(const Archive& archive) {
  std::vector<double> leads(archive.population());
  for (int64_t j = 0; j < archive.datapoints(); ++j) {
    const double worth =
        UnitWorthOf(archive, static_cast<uint32_t>(j), kScoreUnit).full;
    for (int i = 0; i < archive.population(); ++i) {
      leads[i] += Lead(worth, kScoreUnit, archive.slot(i)->scores[j]);
    }
  }
  return leads;
}

}  // namespace

bool RejectionBound::Applies(const ArchiveOptions& options) {
  return options.kind == ScoreKind::kBinary ||
         options.alpha <= kLargestAlphaOfContinuous;
}

RejectionBound::RejectionBound(const Archive& archive)
    : active_(Applies(archive.options()) && IsFull(archive)) {
  if (!active_) return;
  if (archive.options().kind == ScoreKind::kBinary) {
    unknown_.exact_ = ExactLeads(archive);
    solved_ = SolvedByDatapoint(archive);
    return;
  }
  unknown_.real_ = RealLeads(archive);
  // At alpha <= 2 no term of a fitness is above its datapoint's weight.
  const std::vector<uint32_t>& weights = archive.options().task_weight;
  const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
  const double terms =
      static_cast<double>(archive.datapoints()) + kRoundingsPerTerm;
  margin_ = all * (kRelativeMargin + 4 * terms * kUnitRoundoff);
}

void RejectionBound::Begin(Standing& standing) const {
  standing.exact_ = unknown_.exact_;
  standing.real_ = unknown_.real_;
}

void RejectionBound::Observe(const Archive& archive,
                             std::span<const uint32_t> datapoints,
                             std::span<const uint32_t> scores,
                             Standing& standing) const {
  if (!active_) return;
  const ArchiveOptions& options = archive.options();
  if (options.kind == ScoreKind::kContinuous) {
    for (size_t k = 0; k < datapoints.size(); ++k) {
      const uint32_t j = datapoints[k];
      const UnitWorth worth = UnitWorthOf(archive, j, scores[k]);
      for (size_t i = 0; i < standing.real_.size(); ++i) {
        const uint32_t other = archive.slot(static_cast<int>(i))->scores[j];
        standing.real_[i] += Lead(worth.observed, scores[k], other) -
                             Lead(worth.full, kScoreUnit, other);
      }
    }
    return;
  }
  ObserveExact(archive, datapoints, scores, standing);
}

void RejectionBound::ObserveExact(const Archive& archive,
                                  std::span<const uint32_t> datapoints,
                                  std::span<const uint32_t> scores,
                                  Standing& standing) const {
  // A solved datapoint is what was assumed. On the others the child loses what
  // it would have had, and a member that solves one has more for it, since it
  // is shared by one less.
  const ArchiveOptions& options = archive.options();
  const std::span<const uint64_t> load = archive.niche_load();
  for (size_t k = 0; k < datapoints.size(); ++k) {
    if (scores[k] != 0) continue;
    const uint32_t j = datapoints[k];
    const auto worth = [&](uint64_t z) {
      return static_cast<int64_t>(
          archive.competition().ExactWorth(z, options.task_weight[j]));
    };
    const int64_t lost = worth(load[j] + 1);
    const int64_t gain = load[j] == 0 ? 0 : worth(load[j]) - lost;
    TakeOff(lost, gain, solved_.data() + j * standing.exact_.size(),
            standing.exact_);
  }
}

bool RejectionBound::Rejects(const Standing& standing) const {
  if (!active_) return false;
  return std::all_of(standing.exact_.begin(), standing.exact_.end(),
                     [](int64_t lead) { return lead < 0; }) &&
         std::all_of(standing.real_.begin(), standing.real_.end(),
                     [this](double lead) { return lead < -margin_; });
}

}  // namespace merganser
