#include "worker/session/job_executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
