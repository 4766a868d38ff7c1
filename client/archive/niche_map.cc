#include "client/archive/niche_map.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

#include "common/evolution/scores.h"

namespace merganser {
namespace {

// The datapoints of a group, as indices.
struct Cut {
  NicheGroup group;
  std::vector<int64_t> datapoints;
};

// How many members solve it, then who: equal datapoints stand side by side.
std::vector<int64_t> SortedByLoad(const Archive& archive, int64_t begin,
                                  int64_t end) {
  std::vector<int64_t> order(end - begin);
  std::iota(order.begin(), order.end(), begin);
  const auto load = archive.niche_load();
  std::sort(order.begin(), order.end(), [&](int64_t left, int64_t right) {
    if (load[left] != load[right]) return load[left] < load[right];
    for (int i = 0; i < archive.population(); ++i) {
      if (!archive.slot(i).has_value()) continue;
      const std::vector<uint32_t>& scores = archive.slot(i)->scores;
      if (scores[left] != scores[right]) {
        return scores[left] > scores[right];
      }
    }
    return left < right;
  });
  return order;
}

std::vector<Cut> CutTask(const Archive& archive, int task, int64_t begin,
                         int64_t end, int64_t pieces) {
  const std::vector<int64_t> order = SortedByLoad(archive, begin, end);
  const auto size = static_cast<int64_t>(order.size());
  const double full = FullScore(archive.options().kind);
  std::vector<Cut> cuts;
  for (int64_t piece = 0; piece < pieces; ++piece) {
    Cut cut;
    double load = 0;
    for (int64_t i = piece * size / pieces; i < (piece + 1) * size / pieces;
         ++i) {
      cut.datapoints.push_back(order[i]);
      load += static_cast<double>(archive.niche_load()[order[i]]) / full;
    }
    const auto datapoints = static_cast<int64_t>(cut.datapoints.size());
    cut.group = {task, datapoints, load / static_cast<double>(datapoints)};
    cuts.push_back(std::move(cut));
  }
  return cuts;
}

std::vector<Cut> CutDatapoints(const Archive& archive,
                               std::span<const int64_t> task_ends,
                               int columns) {
  std::vector<Cut> cuts;
  int64_t begin = 0;
  for (size_t task = 0; task < task_ends.size(); ++task) {
    const int64_t end = task_ends[task];
    const int64_t size = end - begin;
    if (size < 1) continue;
    const auto fair = static_cast<int64_t>(
        std::floor(static_cast<double>(columns) * static_cast<double>(size) /
                   static_cast<double>(task_ends.back())));
    const int64_t pieces = std::clamp<int64_t>(fair, 1, size);
    std::vector<Cut> more =
        CutTask(archive, static_cast<int>(task), begin, end, pieces);
    std::move(more.begin(), more.end(), std::back_inserter(cuts));
    begin = end;
  }
  return cuts;
}

// The weighted score that a member would have that solves everything.
double FullWeightedScore(const ArchiveOptions& options) {
  double weights = 0;
  for (const uint32_t weight : options.task_weight) weights += weight;
  return weights * FullScore(options.kind);
}

double MeanScore(const Member& member, const Cut& cut, double full) {
  double sum = 0;
  for (const int64_t datapoint : cut.datapoints) {
    sum += member.scores[datapoint];
  }
  return sum / (full * static_cast<double>(cut.datapoints.size()));
}

}  // namespace

double MeanScoreOf(const Archive& archive) {
  double sum = 0;
  int members = 0;
  for (int i = 0; i < archive.population(); ++i) {
    if (!archive.slot(i).has_value()) continue;
    sum += static_cast<double>(archive.weighted_score(i));
    ++members;
  }
  if (members == 0) return 0;
  return sum / (members * FullWeightedScore(archive.options()));
}

NicheMap MapNiches(const Archive& archive, std::span<const int64_t> task_ends,
                   int columns) {
  const double full = FullScore(archive.options().kind);
  const std::vector<Cut> cuts = CutDatapoints(archive, task_ends, columns);
  NicheMap map;
  for (const Cut& cut : cuts) map.groups.push_back(cut.group);
  const double full_score = FullWeightedScore(archive.options());
  double all_fitness = 0;
  for (int i = 0; i < archive.population(); ++i) {
    if (!archive.slot(i).has_value()) continue;
    const Member& member = *archive.slot(i);
    NicheMember& row = map.members.emplace_back();
    row.slot = i;
    row.candidate = member.sequence_number;
    row.score = static_cast<double>(archive.weighted_score(i)) / full_score;
    row.share = archive.fitness()[i].ToDouble(archive.fitness_scale());
    for (const Cut& cut : cuts) {
      row.groups.push_back(MeanScore(member, cut, full));
    }
    all_fitness += row.share;
  }
  for (NicheMember& row : map.members) {
    row.share = all_fitness > 0 ? row.share / all_fitness : 0;
  }
  // Of members that are as fit, the one in the first slot comes first.
  std::sort(map.members.begin(), map.members.end(),
            [](const NicheMember& left, const NicheMember& right) {
              if (left.share != right.share) return left.share > right.share;
              return left.slot < right.slot;
            });
  return map;
}

}  // namespace merganser
