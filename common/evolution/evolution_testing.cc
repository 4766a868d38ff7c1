#include "common/evolution/evolution_testing.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <utility>

namespace merganser {

nlohmann::json LoadTestData(const std::string& name) {
  const std::string path =
      std::string(MERGANSER_SOURCE_DIR "/common/evolution/testdata/") + name;
  std::ifstream file(path);
  if (!file) {
    std::cerr << "cannot read " << path << "\n";
    std::abort();
  }
  return nlohmann::json::parse(file);
}

std::vector<uint32_t> ScoresFromBits(std::string_view bits) {
  std::vector<uint32_t> scores;
  for (const char bit : bits) scores.push_back(bit == '1' ? 1 : 0);
  return scores;
}

std::vector<uint32_t> ScoresFromHex(std::string_view hex, int64_t datapoints) {
  std::vector<uint32_t> scores;
  for (const char digit : hex) {
    const int value = digit <= '9' ? digit - '0' : digit - 'a' + 10;
    for (int bit = 3; bit >= 0; --bit) scores.push_back(value >> bit & 1);
  }
  scores.resize(datapoints);
  return scores;
}

std::vector<uint32_t> ScoresFromDoubles(ScoreKind kind,
                                        const std::vector<double>& scores) {
  std::vector<uint32_t> units;
  for (const double score : scores) {
    units.push_back(
        static_cast<uint32_t>(std::lround(score * FullScore(kind))));
  }
  return units;
}

ArchiveOptions OptionsFor(ScoreKind kind, int population, int64_t datapoints,
                          double alpha) {
  ArchiveOptions options;
  options.kind = kind;
  options.population = population;
  options.datapoints = datapoints;
  options.alpha = alpha;
  options.task_weight.assign(datapoints, 1);
  return options;
}

Member MemberWith(int64_t sequence_number, std::vector<uint32_t> scores) {
  Member member;
  member.sequence_number = sequence_number;
  member.scores = std::move(scores);
  return member;
}

Archive ArchiveOf(const ArchiveOptions& options,
                  const std::vector<std::vector<uint32_t>>& rows) {
  Archive archive = Archive::Create(options).value();
  for (int i = 0; i < static_cast<int>(rows.size()); ++i) {
    if (rows[i].empty()) continue;
    if (!archive.Restore(i, MemberWith(i, rows[i])).ok()) std::abort();
  }
  return archive;
}

std::vector<double> FitnessOf(const Archive& archive) {
  std::vector<double> result;
  for (const Fitness& fitness : archive.fitness()) {
    result.push_back(fitness.ToDouble(archive.fitness_scale()));
  }
  return result;
}

}  // namespace merganser
