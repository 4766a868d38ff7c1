#include "worker/weights/candidate_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "worker/testing/fake_blobs.h"
#include "worker/testing/small_weights.h"

namespace merganser {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

std::string Text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class CandidateWeightsTest : public testing::Test {
 protected:
  void SetUp() override { Use(SmallWeightsSpec()); }

  void Use(const v1::CampaignSpec& spec) {
    auto weights = CandidateWeights::Create(spec, blobs_, /*threads=*/1);
    ASSERT_TRUE(weights.ok()) << weights.status();
    weights_ = *std::move(weights);
  }

  MadeWeights Make(const v1::Job& job) {
    auto made = weights_->Make(job);
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }

  struct Expected {
    std::string bytes;
    std::vector<ChromosomeCrossover> crossovers;
  };
  // The child of SmallOffspringJob() by a maker that knows no squares.
  static Expected ByMaker(int64_t candidate, const std::string& parent_a,
                          const std::string& parent_b, bool crossover = true) {
    ThreadTeam team(2);
    OffspringMaker maker(team);
    const GenomeLayout layout =
        SingleChromosome(*LayoutOfLayers(SmallWeightsSpec().model()));
    const int64_t split_blocks[] = {11};
    const double mixes[] = {0.375};
    std::vector<uint8_t> out(parent_a.size());
    EXPECT_TRUE(
        maker
            .Make(layout, DType::kF32,
                  {.parent_a = {Bytes(parent_a), {}},
                   .parent_b = {Bytes(parent_b), {}},
                   .crossover = crossover,
                   .split_blocks = split_blocks,
                   .mixes = mixes,
                   .mutation = {{kSmallSeed, candidate}, kSmallMutationSigma}},
                  out)
            .ok());
    return {Text(out), {maker.crossovers().begin(), maker.crossovers().end()}};
  }

  FakeBlobs blobs_;
  std::unique_ptr<CandidateWeights> weights_;
  const std::string seed_a_ = SmallSeedBytes(-2);
  const std::string seed_b_ = SmallSeedBytes(-1);
};

TEST_F(CandidateWeightsTest, ARandomSeedIsTheNoiseOfItsNumber) {
  for (const int64_t candidate : {-2, -1}) {
    MadeWeights made = Make(SmallSeedJob(candidate));
    const std::string expected = SmallSeedBytes(candidate);
    EXPECT_EQ(Text(made.bytes()), expected);
    EXPECT_EQ(made.digest(), Sha256(expected));
    EXPECT_EQ(made.Reference().size_bytes(), 128);
    EXPECT_TRUE(made.made_here());
    EXPECT_TRUE(made.crossovers().empty());
  }
  EXPECT_NE(seed_a_, seed_b_);
}

TEST_F(CandidateWeightsTest, AChildIsThatOfItsParentsWhetherOrNotTheyAreKnown) {
  const v1::WeightsRef parent_a = blobs_.Add(seed_a_);
  const v1::WeightsRef parent_b = blobs_.Add(seed_b_);
  for (const int64_t candidate : {0, 1, 2}) {
    const Expected expected = ByMaker(candidate, seed_a_, seed_b_);
    MadeWeights made = Make(SmallOffspringJob(candidate, parent_a, parent_b));
    EXPECT_EQ(Text(made.bytes()), expected.bytes);
    EXPECT_EQ(made.digest(), Sha256(expected.bytes));
    ASSERT_EQ(made.crossovers().size(), 1u);
    const v1::ChromosomeCrossover& crossover = made.crossovers()[0];
    EXPECT_EQ(crossover.split_block(), 11);
    EXPECT_EQ(crossover.mix(), 0.375);
    EXPECT_EQ(crossover.before_a(), expected.crossovers[0].before.a);
    EXPECT_EQ(crossover.before_b(), expected.crossovers[0].before.b);
    EXPECT_EQ(crossover.after_a(), expected.crossovers[0].after.a);
    EXPECT_EQ(crossover.after_b(), expected.crossovers[0].after.b);
  }
}

TEST_F(CandidateWeightsTest, WithoutCrossoverItNeedsParentAAlone) {
  // Parent B is part of the child's name alone.
  v1::WeightsRef absent = blobs_.Add(seed_a_);
  absent.set_digest(Sha256("absent").ToBytes());
  v1::Job job = SmallOffspringJob(3, blobs_.Add(seed_a_), absent);
  job.mutable_offspring()->set_crossover(false);
  job.mutable_offspring()->clear_chromosomes();
  NameOffspring(job);
  const MadeWeights made = Make(job);
  EXPECT_EQ(Text(made.bytes()), ByMaker(3, seed_a_, seed_a_, false).bytes);
  EXPECT_TRUE(made.crossovers().empty());
  EXPECT_EQ(blobs_.fetches(), 1);
}

TEST_F(CandidateWeightsTest, WeightsThatAJobNamesAreFetched) {
  v1::Job job;
  *job.mutable_weights() = blobs_.Add(seed_b_);
  job.set_genome_digest(job.weights().digest());
  MadeWeights made = Make(job);
  EXPECT_EQ(Text(made.bytes()), seed_b_);
  EXPECT_FALSE(made.made_here());
  EXPECT_EQ(made.digest(), Sha256(seed_b_));
}

TEST_F(CandidateWeightsTest, AMissingParentIsNamed) {
  const v1::WeightsRef here = blobs_.Add(seed_a_);
  v1::WeightsRef absent = here;
  absent.set_digest(Sha256("absent").ToBytes());
  v1::Job weights;
  *weights.mutable_weights() = absent;
  weights.set_genome_digest(absent.digest());
  for (const v1::Job& job : {SmallOffspringJob(0, absent, here),
                             SmallOffspringJob(0, here, absent), weights}) {
    const absl::Status status = weights_->Make(job).status();
    EXPECT_EQ(status.code(), StatusCode::kNotFound);
    EXPECT_EQ(MissingBlobOf(status), Sha256("absent"));
  }
  blobs_.FailNextFetch(absl::UnavailableError("away"));
  const absl::Status away =
      weights_->Make(SmallOffspringJob(0, here, here)).status();
  EXPECT_EQ(away.code(), StatusCode::kUnavailable);
  EXPECT_EQ(MissingBlobOf(away), std::nullopt);
  EXPECT_TRUE(WorthRepeating(away));
}

TEST_F(CandidateWeightsTest, AJobThatDoesNotFitIsRefusedByItsField) {
  const v1::WeightsRef parent_a = blobs_.Add(seed_a_);
  const v1::WeightsRef parent_b = blobs_.Add(seed_b_);
  const v1::WeightsRef small = blobs_.Add(std::string(124, 'x'));
  const v1::Job good = SmallOffspringJob(0, parent_a, parent_b);
  struct Row {
    const char* name;
    std::function<void(v1::Job&)> break_it;
    const char* expected;
  };
  const Row rows[] = {
      {"another number", [](auto& j) { j.mutable_key()->set_candidate(1); },
       "job.genome_digest: "},
      {"another mix",
       [](auto& j) {
         j.mutable_offspring()->mutable_chromosomes(0)->set_mix(0.5);
       },
       "job.genome_digest: "},
      {"no digest", [](auto& j) { j.clear_genome_digest(); },
       "job.genome_digest has 0 bytes"},
      {"no parent", [](auto& j) { j.mutable_offspring()->clear_parent_b(); },
       "job.offspring.parent_b has 0 bytes"},
      {"a small parent",
       [&](auto& j) {
         *j.mutable_offspring()->mutable_parent_a() = small;
         NameOffspring(j);
       },
       "job.offspring.parent_a: 124 bytes"},
      {"a parent of another size than it says",
       [&](auto& j) {
         *j.mutable_offspring()->mutable_parent_a() = small;
         j.mutable_offspring()->mutable_parent_a()->set_size_bytes(128);
         NameOffspring(j);
       },
       "job.offspring.parent_a: 124 bytes"},
      {"no chromosomes",
       [](auto& j) {
         j.mutable_offspring()->clear_chromosomes();
         NameOffspring(j);
       },
       "job.offspring: "},
      {"a split outside",
       [](auto& j) {
         j.mutable_offspring()->mutable_chromosomes(0)->set_split_block(33);
         NameOffspring(j);
       },
       "split block 33"},
      {"a recipe", [](auto& j) { j.mutable_recipe(); }, "job.recipe"},
      {"neither seed nor offspring", [](auto& j) { j.clear_offspring(); },
       "job.key.candidate: 0"},
      {"a seed too many",
       [](auto& j) {
         j = SmallSeedJob(-2);
         j.mutable_key()->set_candidate(-3);
       },
       "job.key.candidate: -3"},
      {"another seed's digest",
       [](auto& j) {
         j = SmallSeedJob(-2);
         j.mutable_key()->set_candidate(-1);
       },
       "job.genome_digest: "},
      {"other weights",
       [&](auto& j) {
         j.clear_offspring();
         *j.mutable_weights() = parent_a;
       },
       "job.genome_digest: "},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    v1::Job job = good;
    row.break_it(job);
    const absl::Status status = weights_->Make(job).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.expected));
  }
  Make(good);
}

TEST_F(CandidateWeightsTest, MemoryThatIsGivenBackServesTheNextCandidate) {
  MadeWeights first = Make(SmallSeedJob(-2));
  const uint8_t* const memory = first.bytes().data();
  weights_->Recycle(std::move(first));
  MadeWeights second = Make(SmallSeedJob(-1));
  EXPECT_EQ(second.bytes().data(), memory);
  EXPECT_EQ(Text(second.bytes()), seed_b_);
  EXPECT_EQ(second.digest(), Sha256(seed_b_));
}

TEST_F(CandidateWeightsTest, MemoryThatSomebodySharesIsLeftAlone) {
  MadeWeights first = Make(SmallSeedJob(-2));
  const auto shared = first.Share();
  weights_->Recycle(std::move(first));
  Make(SmallSeedJob(-1));
  EXPECT_EQ(*shared, seed_a_);
}

TEST_F(CandidateWeightsTest, WeightsHaveTheDTypeThatTheSpecNames) {
  v1::CampaignSpec spec = SmallWeightsSpec();
  spec.mutable_model()->set_weights_dtype("bfloat16");
  Use(spec);
  EXPECT_EQ(Make(SmallSeedJob(-2)).Reference().size_bytes(), 64);
}

TEST_F(CandidateWeightsTest, ASpecThatDoesNotFitIsRefusedByItsField) {
  struct Row {
    const char* name;
    std::function<void(v1::CampaignSpec&)> break_it;
    const char* expected;
  };
  const Row rows[] = {
      {"another seed", [](auto& s) { s.set_random_seed(43); },
       "seeds[0].digest"},
      {"another sigma", [](auto& s) { s.mutable_model()->set_init_sigma(1); },
       "seeds[0].digest"},
      {"other layers", [](auto& s) { s.mutable_model()->set_layers(1, 6); },
       "seeds[0].digest"},
      {"no layers", [](auto& s) { s.mutable_model()->clear_layers(); },
       "model.layers"},
      {"nothing in one", [](auto& s) { s.mutable_model()->set_layers(0, 0); },
       "model.layers"},
      {"a dtype of old",
       [](auto& s) { s.mutable_model()->set_weights_dtype("float64"); },
       "model.weights_dtype"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    v1::CampaignSpec spec = SmallWeightsSpec();
    row.break_it(spec);
    const absl::Status status =
        CandidateWeights::Create(spec, blobs_, 1).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.expected));
  }
}

}  // namespace
}  // namespace merganser
