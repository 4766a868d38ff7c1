#include "tests/hash_worker/hash_evaluator.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <string>
#include <vector>

#include "common/genome_proto/genome_proto.h"
#include "common/storage/safetensors.h"
#include "gtest/gtest.h"
#include "worker/testing/collect_chunks.h"
#include "worker/testing/digits_campaign.h"

namespace merganser {
namespace {

constexpr int64_t kRows = 1437;

class HashEvaluatorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Use({});
    const v1::CampaignSpec spec = DigitsSpec();
    for (const v1::SeedSpec& seed : spec.seeds()) {
      const auto file =
          SafetensorsFile::Open(DigitsFolder() + "/" + seed.path());
      digests_.push_back(SeedDigest(**file));
    }
  }

  void Use(HashEvaluatorOptions options, int64_t chunk_size = 0) {
    options.paths = PathRules(DigitsFolder());
    v1::CampaignSpec spec = DigitsSpec();
    spec.mutable_tasks(0)->set_chunk_size(chunk_size);
    auto evaluator = CreateHashEvaluators(options)->Create(spec);
    ASSERT_TRUE(evaluator.ok()) << evaluator.status();
    evaluator_ = *std::move(evaluator);
  }

  absl::StatusOr<std::vector<v1::ChunkScores>> Evaluate(
      int seed, const ChunkOrder* order = nullptr) {
    const LinearRecipe recipe = SeedRecipe(seed, 2, 1);
    v1::Job job;
    job.mutable_key()->set_kind(v1::JOB_KIND_SEARCH);
    job.mutable_key()->set_candidate(5);
    *job.mutable_recipe() = RecipeToProto(recipe);
    job.set_genome_digest(GenomeDigest(recipe, digests_).ToBytes());
    std::vector<v1::ChunkScores> chunks;
    const absl::StatusOr<bool> all =
        evaluator_->Evaluate(job, {}, order, never_, Into(chunks));
    if (!all.ok()) return all.status();
    return chunks;
  }
  std::string Scores(int seed, const ChunkOrder* order = nullptr) {
    std::string scores;
    const auto chunks = *Evaluate(seed, order);
    for (const v1::ChunkScores& chunk : chunks) {
      scores += chunk.scores();
    }
    return scores;
  }

  std::vector<Digest> digests_;
  std::unique_ptr<CampaignEvaluator> evaluator_;
  const std::atomic<bool> never_ = false;
};

TEST_F(HashEvaluatorTest, AsManyDatapointsScoreAsTheGenomeIsGood) {
  const Digest genome = GenomeDigest(SeedRecipe(0, 2, 1), digests_);
  const double share = (64 + Sha256(genome.ToBytes()).bytes[2] / 2) / 256.0;
  int solved = 0;
  for (const char byte : Scores(0)) {
    solved += std::popcount(static_cast<uint8_t>(byte));
  }
  EXPECT_NEAR(solved, kRows * share, 100);
}

TEST_F(HashEvaluatorTest, TheSameGenomeInTheSameCompanyScoresTheSame) {
  const std::string scores = Scores(0);
  Use({});
  EXPECT_EQ(Scores(0), scores);
}

TEST_F(HashEvaluatorTest, AnotherGenomeOrOrderScoresOtherwise) {
  const std::string scores = Scores(0);
  EXPECT_NE(Scores(1), scores);
  ChunkOrder order{.version = 0, .tasks = {FileOrder(0, kRows)}};
  EXPECT_EQ(Scores(0, &order), scores);
  std::swap(order.tasks[0][0], order.tasks[0][1]);
  EXPECT_NE(Scores(0, &order), scores);
}

TEST_F(HashEvaluatorTest, APaddedChunkScoresItsOwnRowsAlone) {
  Use({}, 1000);
  const auto chunks = *Evaluate(0);
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].scores().size(), 125u);
  EXPECT_EQ(chunks[1].scores().size(), 55u);
}

TEST_F(HashEvaluatorTest, WeightsScoreByTheGenomeTheyAreCalled) {
  const std::string scores = Scores(0);
  v1::Job job;
  job.mutable_key()->set_kind(v1::JOB_KIND_SEARCH);
  job.set_genome_digest(GenomeDigest(SeedRecipe(0, 2, 1), digests_).ToBytes());
  const std::vector<uint8_t> weights(4);
  std::vector<v1::ChunkScores> chunks;
  const auto all =
      evaluator_->Evaluate(job, weights, nullptr, never_, Into(chunks));
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_TRUE(*all);
  std::string by_weights;
  for (const v1::ChunkScores& chunk : chunks) by_weights += chunk.scores();
  EXPECT_EQ(by_weights, scores);
}

TEST_F(HashEvaluatorTest, FailsForTheCandidateThatItIsToldOf) {
  HashEvaluatorOptions options;
  options.fail_candidate = 5;
  Use(options);
  EXPECT_FALSE(Evaluate(0).ok());
  options.fail_candidate = 6;
  Use(options);
  EXPECT_TRUE(Evaluate(0).ok());
}

}  // namespace
}  // namespace merganser
