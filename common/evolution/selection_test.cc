#include "common/evolution/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "common/evolution/evolution_testing.h"
#include "common/evolution/slow_reference.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;
using Json = nlohmann::json;
using Doubles = std::vector<double>;
using Weights = std::vector<uint64_t>;

Doubles Shares(const Weights& weights) {
  double total = 0;
  for (const uint64_t weight : weights) total += static_cast<double>(weight);
  Doubles shares;
  for (const uint64_t weight : weights) {
    shares.push_back(static_cast<double>(weight) / total);
  }
  return shares;
}

Doubles Shares(const Doubles& values) {
  const double total = std::accumulate(values.begin(), values.end(), 0.0);
  Doubles shares;
  for (const double value : values) shares.push_back(value / total);
  return shares;
}

// Equal shares for all rows but `except`.
Doubles UniformWithout(int rows, int except) {
  Doubles shares(rows, rows == 1 ? 1.0 : 1.0 / (rows - 1));
  if (rows > 1) shares[except] = 0;
  return shares;
}

void ExpectNear(const Doubles& actual, const Doubles& expected,
                double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], tolerance * expected[i])
        << "slot " << i;
  }
}

struct Case {
  explicit Case(const Json& json)
      : json(json),
        alpha(json["alpha"]),
        kind(json["binary"] ? ScoreKind::kBinary : ScoreKind::kContinuous),
        scores(json["scores"].get<RealRows>()),
        archive(MakeArchive()) {}

  Archive MakeArchive() const {
    BinaryRows rows;
    for (const Doubles& row : scores) {
      rows.push_back(ScoresFromDoubles(kind, row));
    }
    return ArchiveOf(OptionsFor(kind, json["P"], json["N"], alpha), rows);
  }

  // The scores that the archive really holds.
  RealRows Rounded() const {
    RealRows rows = scores;
    for (Doubles& row : rows) {
      for (double& score : row) {
        score = std::round(score * FullScore(kind)) / FullScore(kind);
      }
    }
    return rows;
  }

  // 1e-12, but for the table's rounding to 2^-37 of its largest entry.
  double tolerance() const {
    const bool exact =
        kind == ScoreKind::kContinuous || alpha == 0 || alpha == 1;
    return exact ? 1e-12 : 1e-9;
  }

  Json json;
  double alpha;
  ScoreKind kind;
  RealRows scores;
  Archive archive;
};

std::vector<Case> LoadCases(bool binary) {
  std::vector<Case> cases;
  const Json file = LoadTestData("selection.json");
  for (const Json& json : file["cases"]) {
    if (json["binary"] == binary) cases.emplace_back(json);
  }
  return cases;
}

std::string NameOf(const Case& example) {
  return example.json["name"].get<std::string>() + " alpha " +
         example.json["alpha"].dump();
}

void CheckParentB(const Case& example, int a) {
  const Json& design = example.json["design_B_given_A"][a];
  const Doubles actual = Shares(ParentBWeights(example.archive, a));
  if (design["rule"] == "undefined_all_zero") {
    ExpectNear(actual, UniformWithout(example.archive.population(), a), 1e-15);
    return;
  }
  ExpectNear(actual, design["p"].get<Doubles>(), example.tolerance());
  const std::vector<Fitness> attraction = example.archive.Attraction(a);
  for (int i = 0; i < example.archive.population(); ++i) {
    const double g = design["g"][i];
    EXPECT_NEAR(attraction[i].ToDouble(example.archive.fitness_scale()), g,
                example.tolerance() * g);
  }
}

TEST(SelectionReferenceTest, BinaryProbabilitiesAreTheReferences) {
  const std::vector<Case> cases = LoadCases(true);
  ASSERT_EQ(cases.size(), 28u);
  for (const Case& example : cases) {
    SCOPED_TRACE(NameOf(example));
    const Archive& archive = example.archive;
    ExpectNear(
        Doubles(archive.niche_load().begin(), archive.niche_load().end()),
        example.json["niche_load"].get<Doubles>(), 0);
    ExpectNear(FitnessOf(archive),
               example.json["design_fitness"].get<Doubles>(),
               example.tolerance());
    const Json& prob_a = example.json["design_prob_A"];
    ExpectNear(Shares(ParentAWeights(archive)),
               prob_a.is_null()
                   ? Doubles(archive.population(), 1.0 / archive.population())
                   : prob_a.get<Doubles>(),
               example.tolerance());
    for (int a = 0; a < archive.population(); ++a) {
      SCOPED_TRACE("A = " + std::to_string(a));
      CheckParentB(example, a);
    }
  }
}

// The reference's continuous scores are not multiples of 2^-20: the slow
// implementation is held to them, and the archive to the slow implementation.
TEST(SelectionReferenceTest, ContinuousProbabilitiesAreTheDesigns) {
  const std::vector<Case> cases = LoadCases(false);
  ASSERT_EQ(cases.size(), 8u);
  for (const Case& example : cases) {
    SCOPED_TRACE(NameOf(example));
    const std::vector<uint32_t> weights(example.json["N"], 1);
    const RealRows rounded = example.Rounded();
    ExpectNear(SlowFitness(example.scores, example.alpha, weights),
               example.json["design_fitness"].get<Doubles>(), 1e-12);
    const Doubles fitness = SlowFitness(rounded, example.alpha, weights);
    ExpectNear(FitnessOf(example.archive), fitness, 1e-12);
    ExpectNear(Shares(ParentAWeights(example.archive)), Shares(fitness), 1e-12);
    for (int a = 0; a < example.archive.population(); ++a) {
      SCOPED_TRACE("A = " + std::to_string(a));
      const Json& design = example.json["design_B_given_A"][a];
      ASSERT_EQ(design["rule"], "attraction");
      ExpectNear(SlowAttraction(example.scores, a, example.alpha, weights),
                 design["g"].get<Doubles>(), 1e-12);
      ExpectNear(Shares(ParentBWeights(example.archive, a)),
                 Shares(SlowAttraction(rounded, a, example.alpha, weights)),
                 1e-12);
    }
  }
}

TEST(SelectionTest, ExactValuesAreTheirOwnWeights) {
  const std::vector<Fitness> values = {Fitness::Exact(3), Fitness(),
                                       Fitness::Exact(uint64_t{1} << 63)};
  EXPECT_THAT(DrawWeights(values), ElementsAre(3, 0, uint64_t{1} << 63));
}

TEST(SelectionTest, DoublesBecomeFixedPointBelowTheLargest) {
  const std::vector<Fitness> values = {Fitness::Real(3), Fitness::Real(0),
                                       Fitness::Real(1.0 / 3),
                                       Fitness::Real(1e-300)};
  EXPECT_THAT(DrawWeights(values),
              ElementsAre(uint64_t{3} << 51, 0, (uint64_t{1} << 51) / 3, 1));
  EXPECT_THAT(DrawWeights(std::vector<Fitness>{Fitness::Real(1)}),
              ElementsAre(uint64_t{1} << 52));
}

ArchiveOptions Small(int population) {
  return OptionsFor(ScoreKind::kBinary, population, 3, 1);
}

TEST(SelectionTest, ParentAIsAnyMemberWhenNobodyScores) {
  EXPECT_THAT(ParentAWeights(ArchiveOf(Small(4), {{0, 0, 0}, {}, {0, 0, 0}})),
              ElementsAre(1, 0, 1, 0));
}

TEST(SelectionTest, ParentBFallsBackStepByStep) {
  // Everyone equal: no attraction, so fitness without A (lcm(1..4)/2 = 6).
  EXPECT_THAT(
      ParentBWeights(ArchiveOf(Small(3), {{1, 1, 0}, {}, {1, 1, 0}}), 0),
      ElementsAre(0, 0, 12));
  // Only A scores: any other member.
  EXPECT_THAT(
      ParentBWeights(ArchiveOf(Small(4), {{1, 0, 0}, {}, {0, 0, 0}, {0, 0, 0}}),
                     0),
      ElementsAre(0, 0, 1, 1));
  // A is alone.
  EXPECT_THAT(ParentBWeights(ArchiveOf(Small(3), {{}, {1, 0, 0}}), 1),
              ElementsAre(0, 1, 0));
}

TEST(SelectionTest, AnEmptyArchiveHasNoParents) {
  const Archive archive = ArchiveOf(Small(3), {});
  EXPECT_EQ(DrawParents(archive, {}, DrawStream(1, 0)).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

// The slot whose interval of the running sum holds `point`.
int SlotAt(const Weights& weights, uint64_t point) {
  uint64_t upper = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    upper += weights[i];
    if (point < upper) return static_cast<int>(i);
  }
  return -1;
}

uint64_t Total(const Weights& weights) {
  return std::accumulate(weights.begin(), weights.end(), uint64_t{0});
}

TEST(SelectionTest, DrawsAreBelowTheSumOfTheWeights) {
  for (const bool binary : {true, false}) {
    for (const Case& example : LoadCases(binary)) {
      const Weights a_weights = ParentAWeights(example.archive);
      for (int64_t n = 0; n < 50; ++n) {
        const DrawStream draws(42, n);
        const int a = SlotAt(
            a_weights, draws.Below(Total(a_weights), DrawPurpose::kParentA, 0));
        const Weights b_weights = ParentBWeights(example.archive, a);
        const int b = SlotAt(
            b_weights, draws.Below(Total(b_weights), DrawPurpose::kParentB, 0));
        EXPECT_EQ(*DrawParents(example.archive, {}, draws), (Parents{a, b}));
        const int other = SlotAt(
            a_weights, draws.Below(Total(a_weights), DrawPurpose::kParentB, 0));
        EXPECT_EQ(*DrawParents(example.archive, {.attraction = false}, draws),
                  (Parents{a, other}));
      }
    }
  }
}

constexpr int kDraws = 20000;

// `counts` of kDraws may stray five standard deviations from `expected`.
void ExpectDistribution(const std::vector<int>& counts, const Doubles& expected,
                        int draws) {
  for (size_t i = 0; i < counts.size(); ++i) {
    const double p = expected[i];
    EXPECT_NEAR(counts[i], draws * p, 5 * std::sqrt(draws * p * (1 - p)))
        << "slot " << i;
  }
}

TEST(SelectionTest, FrequenciesFollowTheReferencesProbabilities) {
  const Case example(LoadTestData("selection.json")["cases"][2]);
  ASSERT_EQ(NameOf(example), "binary_5x12_two_unsolved alpha 1.0");
  std::vector<int> a_counts(5);
  std::vector<std::vector<int>> b_counts(5, std::vector<int>(5));
  std::vector<int> plain_counts(5);
  int same = 0;
  for (int64_t n = 0; n < kDraws; ++n) {
    const Parents parents = *DrawParents(example.archive, {}, DrawStream(7, n));
    ++a_counts[parents.slot_a];
    ++b_counts[parents.slot_a][parents.slot_b];
    const Parents plain =
        *DrawParents(example.archive, {.attraction = false}, DrawStream(7, n));
    ++plain_counts[plain.slot_b];
    same += plain.slot_a == plain.slot_b;
  }
  const auto prob_a = example.json["prob_A_f64"].get<Doubles>();
  ExpectDistribution(a_counts, prob_a, kDraws);
  ExpectDistribution(plain_counts, prob_a, kDraws);
  for (int a = 0; a < 5; ++a) {
    ExpectDistribution(b_counts[a],
                       example.json["prob_B_given_A_f64"][a].get<Doubles>(),
                       a_counts[a]);
  }
  // Without attraction B is independent of A, so often A itself.
  const double p_same =
      std::inner_product(prob_a.begin(), prob_a.end(), prob_a.begin(), 0.0);
  ExpectDistribution({same}, {p_same}, kDraws);
}

}  // namespace
}  // namespace merganser
