#include "common/evolution/rejection_bound.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "common/evolution/evolution_testing.h"

namespace merganser {
namespace {

using Random = std::mt19937_64;
using Scores = std::vector<uint32_t>;

uint64_t Below(Random& random, uint64_t bound) { return random() % bound; }

Scores RandomScores(Random& random, const ArchiveOptions& options) {
  Scores scores(options.datapoints);
  const uint64_t percent = Below(random, 101);
  const uint32_t full = FullScore(options.kind);
  for (uint32_t& score : scores) {
    if (Below(random, 100) >= percent) continue;
    score = options.kind == ScoreKind::kBinary || Below(random, 3) == 0
                ? full
                : static_cast<uint32_t>(Below(random, uint64_t{full} + 1));
  }
  return scores;
}

// A child of which the first `known` datapoints of a random order are known.
struct PartialChild {
  Scores scores;
  std::vector<uint32_t> order;
  size_t known = 0;

  std::span<const uint32_t> known_datapoints() const {
    return std::span(order).first(known);
  }
  Scores Completed(const std::function<uint32_t()>& score) const {
    Scores completed = scores;
    for (size_t k = known; k < order.size(); ++k) completed[order[k]] = score();
    return completed;
  }
};

PartialChild RandomChild(Random& random, const ArchiveOptions& options) {
  PartialChild child{RandomScores(random, options), {}, 0};
  child.order.resize(options.datapoints);
  std::iota(child.order.begin(), child.order.end(), 0);
  std::shuffle(child.order.begin(), child.order.end(), random);
  child.known = Below(random, options.datapoints + 1);
  return child;
}

// In one to four portions.
bool Rejects(Random& random, const Archive& archive,
             const RejectionBound& bound, const PartialChild& child) {
  RejectionBound::Standing standing;
  bound.Begin(standing);
  const size_t portion = 1 + child.known / (1 + Below(random, 4));
  for (size_t begin = 0; begin < child.known; begin += portion) {
    const auto datapoints = child.known_datapoints().subspan(
        begin, std::min(portion, child.known - begin));
    Scores scores;
    for (const uint32_t j : datapoints) scores.push_back(child.scores[j]);
    bound.Observe(archive, datapoints, scores, standing);
  }
  return bound.Rejects(standing);
}

bool Enters(Archive archive, Scores scores) {
  return archive.Add(MemberWith(1000, std::move(scores)))->accepted;
}

struct Settings {
  std::string name;
  ScoreKind kind = ScoreKind::kBinary;
  double alpha = 1;
  bool subtract_worst = false;
};

class RejectionBoundTest : public ::testing::TestWithParam<Settings> {
 protected:
  ArchiveOptions RandomOptions(Random& random) const {
    ArchiveOptions options = OptionsFor(
        GetParam().kind, static_cast<int>(1 + Below(random, 8)),
        static_cast<int64_t>(1 + Below(random, 30)), GetParam().alpha);
    options.subtract_worst = GetParam().subtract_worst;
    if (Below(random, 2) == 0) {
      for (uint32_t& weight : options.task_weight) {
        weight = static_cast<uint32_t>(1 + Below(random, 1000));
      }
    }
    return options;
  }

  // Members that have come through competition, as in a campaign.
  static Archive FullArchive(Random& random, const ArchiveOptions& options) {
    std::vector<Scores> rows;
    for (int i = 0; i < options.population; ++i) {
      rows.push_back(RandomScores(random, options));
    }
    Archive archive = ArchiveOf(options, rows);
    for (uint64_t i = Below(random, 20); i > 0; --i) {
      archive.Add(MemberWith(100, RandomScores(random, options))).IgnoreError();
    }
    return archive;
  }
};

TEST_P(RejectionBoundTest, RejectsOnlyWhatEveryCompletionConfirms) {
  Random random(20261122);
  int rejected = 0;
  for (int round = 0; round < 1500; ++round) {
    const ArchiveOptions options = RandomOptions(random);
    const Archive archive = FullArchive(random, options);
    const RejectionBound bound(archive);
    const PartialChild child = RandomChild(random, options);
    if (!Rejects(random, archive, bound, child)) continue;
    ++rejected;
    const uint32_t full = FullScore(options.kind);
    const auto sample = [&]() -> uint32_t {
      return Below(random, 2) == 0
                 ? full
                 : static_cast<uint32_t>(Below(random, uint64_t{full} + 1));
    };
    EXPECT_FALSE(Enters(archive, child.Completed([&] { return full; })));
    EXPECT_FALSE(Enters(archive, child.Completed([] { return 0u; })));
    for (int i = 0; i < 20; ++i) {
      EXPECT_FALSE(Enters(archive, child.Completed(sample)))
          << "round " << round;
    }
  }
  EXPECT_GT(rejected, 100);
}

TEST_P(RejectionBoundTest, LetsThroughOnlyWhatAFullScoreWouldLetIn) {
  Random random(7);
  int passed = 0;
  for (int round = 0; round < 1500; ++round) {
    const ArchiveOptions options = RandomOptions(random);
    const Archive archive = FullArchive(random, options);
    const RejectionBound bound(archive);
    const PartialChild child = RandomChild(random, options);
    if (Rejects(random, archive, bound, child)) continue;
    ++passed;
    const uint32_t full = FullScore(options.kind);
    EXPECT_TRUE(Enters(archive, child.Completed([&] { return full; })))
        << "round " << round;
  }
  EXPECT_GT(passed, 100);
}

TEST_P(RejectionBoundTest, NeverRejectsWhileASlotIsEmpty) {
  Random random(3);
  for (int round = 0; round < 50; ++round) {
    ArchiveOptions options = RandomOptions(random);
    options.population = 3;
    const Archive archive = ArchiveOf(
        options, {Scores(options.datapoints, FullScore(options.kind)),
                  {},
                  Scores(options.datapoints, FullScore(options.kind))});
    const RejectionBound bound(archive);
    PartialChild child = RandomChild(random, options);
    child.scores.assign(options.datapoints, 0);
    child.known = child.order.size();
    EXPECT_FALSE(Rejects(random, archive, bound, child));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Settings, RejectionBoundTest,
    ::testing::Values(
        Settings{"BinaryAlpha1"}, Settings{"BinaryAlpha0", {}, 0},
        Settings{"BinaryAlpha05", {}, 0.5}, Settings{"BinaryAlpha2", {}, 2},
        Settings{"BinaryAlpha4", {}, 4},
        Settings{"ContinuousAlpha0", ScoreKind::kContinuous, 0},
        Settings{"ContinuousAlpha1", ScoreKind::kContinuous, 1},
        Settings{"ContinuousAlpha2", ScoreKind::kContinuous, 2},
        Settings{"ContinuousAlpha15", ScoreKind::kContinuous, 1.5},
        Settings{"LessTheWorst", ScoreKind::kContinuous, 1, true},
        Settings{"LessTheWorstAlpha2", ScoreKind::kContinuous, 2, true}),
    [](const auto& info) { return info.param.name; });

// Two members, each solves one of two datapoints. A child that misses the first
// one has at most 1/2 of the second, as that one's member has: a tie, in which
// the child enters. Missing both, it has nothing, and both members have 1.
TEST(RejectionBoundTest, TellsATieFromALoss) {
  const ArchiveOptions options = OptionsFor(ScoreKind::kBinary, 2, 2, 1);
  const Archive archive = ArchiveOf(options, {{1, 0}, {0, 1}});
  const RejectionBound bound(archive);
  RejectionBound::Standing standing;
  bound.Begin(standing);
  EXPECT_FALSE(bound.Rejects(standing));
  bound.Observe(archive, std::vector<uint32_t>{0}, std::vector<uint32_t>{0},
                standing);
  EXPECT_FALSE(bound.Rejects(standing));
  bound.Observe(archive, std::vector<uint32_t>{1}, std::vector<uint32_t>{0},
                standing);
  EXPECT_TRUE(bound.Rejects(standing));
}

TEST(RejectionBoundTest, IsOffForContinuousScoresBeyondAlpha2) {
  ArchiveOptions options = OptionsFor(ScoreKind::kContinuous, 2, 2, 2.001);
  EXPECT_FALSE(RejectionBound::Applies(options));
  const Archive archive =
      ArchiveOf(options, {{kScoreUnit, 0}, {0, kScoreUnit}});
  const RejectionBound bound(archive);
  RejectionBound::Standing standing;
  bound.Begin(standing);
  bound.Observe(archive, std::vector<uint32_t>{0, 1},
                std::vector<uint32_t>{0, 0}, standing);
  EXPECT_FALSE(bound.Rejects(standing));
  options.alpha = 2;
  EXPECT_TRUE(RejectionBound::Applies(options));
  options.kind = ScoreKind::kBinary;
  options.alpha = 16;
  EXPECT_TRUE(RejectionBound::Applies(options));
}

}  // namespace
}  // namespace merganser
