#include "worker/session/job_executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/evolution/layout.h"
#include "worker/testing/fake_blobs.h"
#include "worker/testing/fake_evaluators.h"
#include "worker/testing/small_weights.h"

namespace merganser {
namespace {

using absl::StatusCode;

class JobExecutorTest : public testing::Test {
 protected:
  void SetUp() override {
    evaluators_.UseChunks(2);
    const v1::CampaignSpec spec = SmallWeightsSpec();
    campaign_ = {.evaluator = *evaluators_.Create(spec),
                 .archive = *ArchiveMirror::Create(spec),
                 .weights = *CandidateWeights::Create(spec, blobs_, 1)};
    ASSERT_NE(campaign_.archive, nullptr);
  }

  // Parks every child after this chunk.
  absl::StatusOr<ExecutedJob> Execute(const v1::Job& job, int park_after,
                                      bool keeps_weights = true) {
    RunningJob running{.job = job,
                       .evaluator = campaign_.evaluator,
                       .weights = keeps_weights ? campaign_.weights : nullptr,
                       .archive = campaign_.archive};
    const JobExecutor executor(
        Clock::Monotonic(), [&](const v1::Job&, const v1::ChunkScores& chunk) {
          return chunk.chunk() == park_after;
        });
    return executor.Execute(running);
  }
  v1::Job Child() {
    return SmallOffspringJob(5, blobs_.Add(SmallSeedBytes(-2)),
                             blobs_.Add(SmallSeedBytes(-1)));
  }

  FakeBlobs blobs_;
  FakeEvaluators evaluators_;
  ServedCampaign campaign_;
};

TEST_F(JobExecutorTest, AParkedChildHasNoWeights) {
  const auto executed = Execute(Child(), 0);
  ASSERT_TRUE(executed.ok()) << executed.status();
  EXPECT_TRUE(executed->result.parked());
  EXPECT_EQ(executed->result.chunks_size(), 1);
  EXPECT_EQ(executed->result.chromosomes_size(), 0);
  EXPECT_FALSE(executed->weights.has_value());
}

TEST_F(JobExecutorTest, AChildWithAllItsChunksIsNeverParked) {
  const auto executed = Execute(Child(), 1);
  ASSERT_TRUE(executed.ok()) << executed.status();
  EXPECT_FALSE(executed->result.parked());
  EXPECT_EQ(executed->result.chunks_size(), 2);
  EXPECT_EQ(executed->result.chromosomes_size(), 1);
  EXPECT_TRUE(executed->weights.has_value());

  const auto recipe = Execute(v1::Job(), 1, /*keeps_weights=*/false);
  ASSERT_TRUE(recipe.ok()) << recipe.status();
  EXPECT_FALSE(recipe->result.parked());
  EXPECT_FALSE(recipe->weights.has_value());
}

// Solves nothing.
class HopelessEvaluator : public CampaignEvaluator {
 public:
  absl::StatusOr<Digest> Probe() override { return Digest(); }
  absl::StatusOr<std::string> Gram() override { return std::string(); }
  absl::StatusOr<bool> Evaluate(const v1::Job&, std::span<const uint8_t>,
                                const ChunkOrder*, const std::atomic<bool>&,
                                TakeChunk take) override {
    for (const int chunk : {0, 1}) {
      v1::ChunkScores scores;
      scores.set_chunk(chunk);
      scores.set_scores(std::string(1, '\0'));
      if (!take(std::move(scores))) return chunk == 1;
    }
    return true;
  }
};

// An archive whose two members solve everything.
v1::ArchiveUpdate PerfectArchive() {
  v1::ArchiveUpdate update;
  for (const int slot : {0, 1}) {
    update.add_slots()->set_slot(slot);
    update.mutable_slots(slot)->set_scores("\xff");
  }
  return update;
}

TEST_F(JobExecutorTest, AChildThatItsArchiveRejectsIsParkedOrNamedAndNotKept) {
  for (const bool early_rejection : {true, false}) {
    SCOPED_TRACE(early_rejection);
    v1::CampaignSpec spec = SmallWeightsSpec();
    spec.mutable_search()->set_early_rejection(early_rejection);
    RunningJob running{
        .job = Child(),
        .evaluator = std::make_shared<HopelessEvaluator>(),
        .weights = campaign_.weights,
        .order = std::make_shared<const ChunkOrder>(
            ChunkOrder{.version = 0, .tasks = {FileOrder(0, 8)}}),
        .archive = *(*ArchiveMirror::Create(spec))->Updated(PerfectArchive())};
    const auto executed =
        JobExecutor(Clock::Monotonic(), nullptr).Execute(running);
    ASSERT_TRUE(executed.ok()) << executed.status();
    EXPECT_FALSE(executed->weights.has_value()) << "nothing is stored";
    EXPECT_EQ(executed->result.parked(), early_rejection);
    EXPECT_EQ(executed->result.chunks_size(), early_rejection ? 1 : 2);
    EXPECT_EQ(executed->result.has_weights(), !early_rejection);
    EXPECT_EQ(executed->result.chromosomes_size(), early_rejection ? 0 : 1);
  }
}

TEST_F(JobExecutorTest, JobsOfTheOtherKindOfCampaignAreRefused) {
  v1::Job gram;
  gram.mutable_key()->set_kind(v1::JOB_KIND_GRAM);
  EXPECT_EQ(Execute(gram, 9).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(Execute(gram, 9, /*keeps_weights=*/false).ok());
  v1::Job blob = Child();
  blob.mutable_key()->set_kind(v1::JOB_KIND_MAKE_BLOB);
  EXPECT_TRUE(Execute(blob, 9).ok());
  EXPECT_EQ(Execute(blob, 9, /*keeps_weights=*/false).status().code(),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace merganser
