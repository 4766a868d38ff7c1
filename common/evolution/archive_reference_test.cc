// Holds the archive to the golden values of the M2N2 reference code; see
// testdata/README.md.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "common/evolution/archive.h"
#include "common/evolution/evolution_testing.h"
#include "common/evolution/slow_reference.h"

namespace merganser {
namespace {

using Json = nlohmann::json;
using Doubles = std::vector<double>;

// Table entries are rounded to 2^-37 for α other than 0 and 1.
double BinaryTolerance(double alpha, double value, size_t datapoints) {
  return alpha == 0 || alpha == 1
             ? 1e-12 * value
             : 1e-12 * value + 0x1p-37 * static_cast<double>(datapoints);
}

void CheckBinaryStep(const Json& sequence, const Json& step, Archive& archive) {
  SCOPED_TRACE("step " + step["step"].dump());
  const double alpha = sequence["alpha"];
  const Replacement replacement =
      archive
          .Add(MemberWith(step["step"],
                          ScoresFromBits(step["candidate"].get<std::string>())))
          .value();
  EXPECT_EQ(replacement.dropped_slot, step["dropped_slot"]);
  if (step.contains("dropped_slot_exact")) {
    EXPECT_EQ(replacement.dropped_slot, step["dropped_slot_exact"]);
  }
  EXPECT_EQ(replacement.accepted,
            replacement.dropped_slot != archive.population());
  const double fitness = step["fitness_ext_f64"].back();
  EXPECT_NEAR(replacement.child_fitness.ToDouble(archive.fitness_scale()),
              fitness, BinaryTolerance(alpha, fitness, archive.datapoints()));
  const Doubles load(archive.niche_load().begin(), archive.niche_load().end());
  EXPECT_EQ(load, step["z_after"].get<Doubles>());
  for (int i = 0; i < archive.population(); ++i) {
    const int64_t id = archive.slot(i) ? archive.slot(i)->sequence_number : -1;
    EXPECT_EQ(id, step["slots_after"][i]) << "slot " << i;
  }
}

TEST(ArchiveReferenceTest, DropsTheSlotsThatTheReferenceDropsBinary) {
  int sequences = 0;
  const Json file = LoadTestData("archive.json");
  for (const Json& sequence : file["sequences"]) {
    if (!sequence["binary"]) continue;
    SCOPED_TRACE(sequence["name"].get<std::string>());
    Archive archive =
        Archive::Create(OptionsFor(ScoreKind::kBinary, sequence["P"],
                                   sequence["N"], sequence["alpha"]))
            .value();
    for (const Json& step : sequence["steps"]) {
      CheckBinaryStep(sequence, step, archive);
    }
    ++sequences;
  }
  EXPECT_EQ(sequences, 7);
}

// The reference's continuous scores are not multiples of 2^-20, as ours are.
// So the slow implementation is held to the reference with its own scores, and
// the archive to the slow one with the rounded scores; the slots have to agree
// with the reference all the same.
class ContinuousSequence {
 public:
  explicit ContinuousSequence(const Json& sequence)
      : alpha_(sequence["alpha"]),
        weights_(sequence["N"], 1),
        archive_(
            Archive::Create(OptionsFor(ScoreKind::kContinuous, sequence["P"],
                                       sequence["N"], alpha_))
                .value()),
        given_(archive_.population(), Doubles(archive_.datapoints())),
        rounded_(given_) {}

  void Check(const Json& step) {
    SCOPED_TRACE("step " + step["step"].dump());
    const auto candidate = step["candidate"].get<Doubles>();
    const std::vector<uint32_t> units =
        ScoresFromDoubles(ScoreKind::kContinuous, candidate);
    given_.push_back(candidate);
    rounded_.emplace_back();
    for (const uint32_t unit : units) rounded_.back().push_back(unit * 0x1p-20);

    CheckSlowImplementation(step);
    const Replacement replacement =
        archive_.Add(MemberWith(step["step"], units)).value();
    const double fitness = SlowFitness(rounded_, alpha_, weights_).back();
    EXPECT_NEAR(replacement.child_fitness.value(), fitness, 1e-12 * fitness);
    EXPECT_EQ(replacement.dropped_slot, step["design_dropped_slot"]);
    Drop(given_, replacement.dropped_slot);
    Drop(rounded_, replacement.dropped_slot);
    CheckSlots(step);
  }

 private:
  static void Drop(RealRows& rows, int slot) {
    std::swap(rows[slot], rows.back());
    rows.pop_back();
  }

  void CheckSlowImplementation(const Json& step) const {
    const Doubles fitness = SlowFitness(given_, alpha_, weights_);
    for (size_t i = 0; i < fitness.size(); ++i) {
      const double expected = step["design_fitness_ext"][i];
      EXPECT_NEAR(fitness[i], expected, 1e-12 * expected) << "row " << i;
    }
  }

  void CheckSlots(const Json& step) const {
    const Doubles slow = SlowFitness(rounded_, alpha_, weights_);
    for (int i = 0; i < archive_.population(); ++i) {
      const auto& slot = archive_.slot(i);
      EXPECT_EQ(slot ? slot->sequence_number : -1,
                step["design_slots_after"][i]);
      EXPECT_NEAR(archive_.fitness()[i].value(), slow[i], 1e-12 * slow[i]);
    }
    for (int64_t j = 0; j < archive_.datapoints(); ++j) {
      // Each of at most P scores was rounded by at most 2^-21.
      EXPECT_NEAR(static_cast<double>(archive_.niche_load()[j]) * 0x1p-20,
                  step["design_z_after"][j].get<double>(),
                  0x1p-21 * archive_.population());
    }
  }

  double alpha_;
  std::vector<uint32_t> weights_;
  Archive archive_;
  RealRows given_;
  RealRows rounded_;
};

TEST(ArchiveReferenceTest, DropsTheSlotsThatTheDesignDropsContinuous) {
  int sequences = 0;
  const Json file = LoadTestData("archive.json");
  for (const Json& sequence : file["sequences"]) {
    if (sequence["binary"]) continue;
    SCOPED_TRACE(sequence["name"].get<std::string>());
    ContinuousSequence check(sequence);
    for (const Json& step : sequence["steps"]) check.Check(step);
    ++sequences;
  }
  EXPECT_EQ(sequences, 4);
}

TEST(ArchiveReferenceTest, BreaksTiesExactlyWhereRoundingWouldNot) {
  int cases = 0;
  const Json file = LoadTestData("archive.json");
  for (const Json& tie : file["rounding_ties"]) {
    std::vector<std::vector<uint32_t>> rows;
    for (const std::string bits : tie["archive"]) {
      rows.push_back(ScoresFromBits(bits));
    }
    Archive archive =
        ArchiveOf(OptionsFor(ScoreKind::kBinary, static_cast<int>(rows.size()),
                             static_cast<int64_t>(rows[0].size()), 1),
                  rows);
    const Member child =
        MemberWith(99, ScoresFromBits(tie["child"].get<std::string>()));
    EXPECT_EQ(archive.Add(child).value().dropped_slot,
              tie["dropped_slot_exact"])
        << tie.dump();
    ++cases;
  }
  EXPECT_EQ(cases, 6);
}

TEST(ArchiveReferenceTest, CoverageAndEntropyFollowThePaper) {
  int cases = 0;
  const Json file = LoadTestData("diversity.json");
  for (const Json& example : file["cases"]) {
    std::vector<std::vector<uint32_t>> rows;
    for (const std::string bits : example["scores"]) {
      rows.push_back(ScoresFromBits(bits));
    }
    const Archive archive = ArchiveOf(
        OptionsFor(ScoreKind::kBinary, example["P"], example["N"], 1), rows);
    const double coverage = example["coverage"];
    const double entropy = example["entropy_bits"];
    EXPECT_NEAR(archive.coverage(), coverage, 1e-12 * coverage);
    EXPECT_NEAR(archive.entropy(), entropy, 1e-12 * entropy);
    ++cases;
  }
  EXPECT_EQ(cases, 8);
}

// The first 400 children of the authors' pre-trained run on digits.
class Trajectory : public ::testing::Test {
 protected:
  void SetUp() override {
    recorded_ = LoadTestData("trajectory.json");
    const Json seeds = LoadTestData("seed_correctness.json");
    for (const char* seed : {"seed_digits_0_to_4", "seed_digits_5_to_9"}) {
      const auto bits = seeds[seed].get<std::string>();
      ASSERT_TRUE(archive_.Add(MemberWith(-1, ScoresFromBits(bits))).ok());
    }
  }

  Json recorded_;
  Archive archive_ =
      Archive::Create(OptionsFor(ScoreKind::kBinary, 20, 1437, 1)).value();
};

TEST_F(Trajectory, EveryDroppedSlotAndEveryBestSlotIsTheRecordedOne) {
  EXPECT_EQ(archive_.weighted_score(0), recorded_["seed_train_correct"][0]);
  EXPECT_EQ(archive_.weighted_score(1), recorded_["seed_train_correct"][1]);
  ASSERT_EQ(recorded_["steps"].size(), 400u);
  for (const Json& step : recorded_["steps"]) {
    SCOPED_TRACE("step " + step["step"].dump());
    const Replacement replacement =
        archive_
            .Add(MemberWith(
                step["step"],
                ScoresFromHex(step["child_scores"].get<std::string>(), 1437)))
            .value();
    ASSERT_EQ(replacement.dropped_slot, step["dropped_slot"]);
    ASSERT_EQ(replacement.dropped_slot, step["dropped_slot_exact"]);
    const double fitness = step["child_fitness_f64"];
    EXPECT_NEAR(replacement.child_fitness.ToDouble(archive_.fitness_scale()),
                fitness, 1e-12 * fitness);
    ASSERT_EQ(archive_.best_slot(), step["best_slot"].get<int>());
    EXPECT_EQ(archive_.weighted_score(*archive_.best_slot()),
              step["best_train_correct"]);
  }
  const Json& final = recorded_["final"];
  EXPECT_NEAR(archive_.coverage(), final["coverage"], 1e-12);
  EXPECT_NEAR(archive_.entropy(), final["entropy_bits"], 1e-12);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(archive_.weighted_score(i), final["train_correct"][i]);
    const double fitness = final["fitness_f64"][i];
    EXPECT_NEAR(FitnessOf(archive_)[i], fitness, 1e-12 * fitness);
  }
}

}  // namespace
}  // namespace merganser
