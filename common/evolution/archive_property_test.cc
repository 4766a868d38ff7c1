// Compares the archive with a slow second implementation over random scores.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "common/evolution/archive.h"
#include "common/evolution/evolution_testing.h"
#include "common/evolution/slow_reference.h"

namespace merganser {
namespace {

using Random = std::mt19937_64;

uint64_t Below(Random& random, uint64_t bound) { return random() % bound; }

// Rows repeat earlier ones or score nothing now and then, so that ties and
// empty niches are common.
std::vector<uint32_t> RandomRow(Random& random, ScoreKind kind,
                                int64_t datapoints, const BinaryRows& earlier) {
  if (!earlier.empty() && Below(random, 4) == 0) {
    return earlier[Below(random, earlier.size())];
  }
  std::vector<uint32_t> row(datapoints);
  const uint64_t percent = Below(random, 101);
  for (uint32_t& score : row) {
    if (Below(random, 100) >= percent) continue;
    score = kind == ScoreKind::kBinary
                ? 1
                : static_cast<uint32_t>(Below(random, kScoreUnit + 1));
  }
  return row;
}

// The slots' scores, zeros for an empty one.
BinaryRows RowsOf(const Archive& archive) {
  BinaryRows rows;
  for (int i = 0; i < archive.population(); ++i) {
    const auto& slot = archive.slot(i);
    rows.push_back(slot ? slot->scores
                        : std::vector<uint32_t>(archive.datapoints()));
  }
  return rows;
}

RealRows ToReal(const BinaryRows& rows) {
  RealRows real(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const uint32_t score : rows[i]) real[i].push_back(score * 0x1p-20);
  }
  return real;
}

ArchiveOptions RandomOptions(Random& random, ScoreKind kind, int population,
                             double alpha) {
  ArchiveOptions options = OptionsFor(
      kind, population, static_cast<int64_t>(1 + Below(random, 24)), alpha);
  if (Below(random, 2) == 0) {
    for (uint32_t& weight : options.task_weight) {
      weight = static_cast<uint32_t>(1 + Below(random, 1000));
    }
  }
  return options;
}

void ExpectEqual(const std::vector<Fitness>& values,
                 const std::vector<Rational>& expected, double scale) {
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_TRUE(Int128{values[i].units()} * expected[i].denominator ==
                expected[i].numerator * static_cast<Int128>(scale))
        << "row " << i;
  }
}

void CheckExactArchive(Random& random, int population, int alpha) {
  const ArchiveOptions options =
      RandomOptions(random, ScoreKind::kBinary, population, alpha);
  Archive archive = Archive::Create(options).value();
  BinaryRows earlier;
  for (int n = 0; n < 3 * population + 5; ++n) {
    BinaryRows rows = RowsOf(archive);
    earlier.push_back(
        RandomRow(random, options.kind, options.datapoints, earlier));
    rows.push_back(earlier.back());
    const auto fitness = SlowFitness(rows, alpha, options.task_weight);
    const Replacement replacement =
        archive.Add(MemberWith(n, earlier.back())).value();
    ASSERT_EQ(replacement.dropped_slot, FirstLowest(fitness)) << "child " << n;
    ExpectEqual({replacement.child_fitness}, {fitness.back()},
                archive.fitness_scale());

    rows = RowsOf(archive);
    ExpectEqual(archive.fitness(),
                SlowFitness(rows, alpha, options.task_weight),
                archive.fitness_scale());
    const int a = static_cast<int>(Below(random, population));
    ExpectEqual(archive.Attraction(a),
                SlowAttraction(rows, a, alpha, options.task_weight),
                archive.fitness_scale());
  }
}

TEST(ArchivePropertyTest, BinaryArchivesEqualExactRationals) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Random random(seed);
    for (int population = 1; population <= 20; ++population) {
      for (const int alpha : {0, 1}) {
        SCOPED_TRACE("seed " + std::to_string(seed) + " population " +
                     std::to_string(population) + " alpha " +
                     std::to_string(alpha));
        CheckExactArchive(random, population, alpha);
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
}

void CheckContinuousArchive(Random& random, int population, double alpha,
                            bool subtract_worst) {
  ArchiveOptions options =
      RandomOptions(random, ScoreKind::kContinuous, population, alpha);
  options.subtract_worst = subtract_worst;
  Archive archive = Archive::Create(options).value();
  BinaryRows earlier;
  const auto as_seen = [&](const BinaryRows& rows) {
    return subtract_worst ? LessTheWorst(ToReal(rows)) : ToReal(rows);
  };
  for (int n = 0; n < 3 * population + 5; ++n) {
    BinaryRows rows = RowsOf(archive);
    earlier.push_back(
        RandomRow(random, options.kind, options.datapoints, earlier));
    rows.push_back(earlier.back());
    const auto fitness = SlowFitness(as_seen(rows), alpha, options.task_weight);
    const Replacement replacement =
        archive.Add(MemberWith(n, earlier.back())).value();
    const double lowest = fitness[FirstLowest(fitness)];
    // Rounding may tell apart what ties, but no more than that.
    ASSERT_LE(fitness[replacement.dropped_slot], lowest * (1 + 1e-9));

    rows = RowsOf(archive);
    const auto slots = SlowFitness(as_seen(rows), alpha, options.task_weight);
    const int a = static_cast<int>(Below(random, population));
    const auto slow =
        SlowAttraction(as_seen(rows), a, alpha, options.task_weight);
    const auto attraction = archive.Attraction(a);
    for (int i = 0; i < population; ++i) {
      ASSERT_NEAR(archive.fitness()[i].value(), slots[i], 1e-12 * slots[i]);
      ASSERT_NEAR(attraction[i].value(), slow[i], 1e-12 * slow[i]);
    }
  }
}

TEST(ArchivePropertyTest, ContinuousArchivesAgreeWithPlainFormulas) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Random random(seed);
    for (const int population : {1, 2, 5, 12}) {
      for (const double alpha : {0.0, 0.5, 1.0, 1.7, 2.0}) {
        for (const bool subtract_worst : {false, true}) {
          SCOPED_TRACE("seed " + std::to_string(seed) + " population " +
                       std::to_string(population) + " alpha " +
                       std::to_string(alpha));
          CheckContinuousArchive(random, population, alpha, subtract_worst);
          if (::testing::Test::HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST(ArchivePropertyTest, AMemberThatScoresNothingActsAsAnEmptySlot) {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    const ArchiveOptions options =
        RandomOptions(random, ScoreKind::kBinary, 5, 1);
    Archive with_holes = Archive::Create(options).value();
    Archive with_zeros = with_holes;
    BinaryRows earlier;
    for (int i = 0; i < 5; ++i) {
      if (Below(random, 2) == 0) {
        const std::vector<uint32_t> nothing(options.datapoints);
        ASSERT_TRUE(with_zeros.Restore(i, MemberWith(i, nothing)).ok());
        continue;
      }
      earlier.push_back(
          RandomRow(random, options.kind, options.datapoints, earlier));
      ASSERT_TRUE(with_holes.Restore(i, MemberWith(i, earlier.back())).ok());
      ASSERT_TRUE(with_zeros.Restore(i, MemberWith(i, earlier.back())).ok());
    }
    EXPECT_EQ(with_holes.fitness(), with_zeros.fitness());
    const Member child = MemberWith(
        9, RandomRow(random, options.kind, options.datapoints, earlier));
    EXPECT_EQ(with_holes.Add(child)->dropped_slot,
              with_zeros.Add(child)->dropped_slot);
  }
}

TEST(ArchivePropertyTest, RestoredSlotsEqualTheArchiveThatGrew) {
  Random random(11);
  for (const ScoreKind kind : {ScoreKind::kBinary, ScoreKind::kContinuous}) {
    const ArchiveOptions options = RandomOptions(random, kind, 6, 1);
    Archive grown = Archive::Create(options).value();
    BinaryRows earlier;
    for (int n = 0; n < 40; ++n) {
      earlier.push_back(RandomRow(random, kind, options.datapoints, earlier));
      ASSERT_TRUE(grown.Add(MemberWith(n, earlier.back())).ok());
    }
    Archive restored = Archive::Create(options).value();
    for (int i = 5; i >= 0; --i) {
      ASSERT_TRUE(restored.Restore(i, grown.slot(i)).ok());
    }
    EXPECT_EQ(restored.digest(40), grown.digest(40));
    EXPECT_EQ(restored.fitness(), grown.fitness());
    EXPECT_EQ(restored.Attraction(2), grown.Attraction(2));
  }
}

}  // namespace
}  // namespace merganser
