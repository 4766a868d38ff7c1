// A session with a campaign that keeps weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "worker/session/worker_session.h"
#include "worker/testing/fake_blobs.h"
#include "worker/testing/fake_coordinator.h"
#include "worker/testing/fake_evaluators.h"
#include "worker/testing/small_weights.h"

namespace merganser {
namespace {

using testing::HasSubstr;

class WeightsSessionTest : public testing::Test {
 protected:
  void Start(absl::Duration grace = absl::Seconds(60)) {
    session_ = std::make_unique<WorkerSession>(
        WorkerSessionOptions{.name = "worker-1",
                             .incarnation = "i",
                             .version = "1.2.3",
                             .job_capacity = 2,
                             .grace = grace},
        coordinator_, blobs_, evaluators_, Clock::Monotonic());
    outcome_ =
        std::async(std::launch::async, [this] { return session_->Run(); });
  }
  absl::Status Leave() {
    session_->Drain();
    return outcome_.get();
  }
  v1::Job Child(int64_t candidate, v1::JobKind kind = v1::JOB_KIND_SEARCH) {
    return SmallOffspringJob(candidate, parent_a_, parent_b_, kind);
  }
  // What the coordinator has heard of a candidate in any call.
  int ResultsOf(int64_t candidate) {
    int results = 0;
    for (const v1::ExchangeRequest& request : coordinator_.requests()) {
      for (const v1::JobResult& result : request.results()) {
        results += result.key().candidate() == candidate ? 1 : 0;
      }
    }
    return results;
  }

  FakeCoordinator coordinator_{SmallWeightsSpec()};
  FakeEvaluators evaluators_;
  FakeBlobs blobs_;
  const v1::WeightsRef parent_a_ = blobs_.Add(SmallSeedBytes(-2));
  const v1::WeightsRef parent_b_ = blobs_.Add(SmallSeedBytes(-1));
  std::unique_ptr<WorkerSession> session_;
  std::future<absl::Status> outcome_;
};

TEST_F(WeightsSessionTest, AChildIsEvaluatedByItsWeightsWhichAreStored) {
  coordinator_.AddJob(Child(7));
  Start();
  const v1::JobResult result = coordinator_.AwaitResult(7);
  EXPECT_EQ(result.chunks(0).scores(), FakeEvaluators::ScoresOf(7));
  EXPECT_FALSE(result.parked());
  EXPECT_EQ(result.genome_digest(), Child(7).genome_digest());
  EXPECT_EQ(result.weights().digest(),
            Sha256(evaluators_.WeightsOf(7)).ToBytes());
  EXPECT_EQ(result.weights().size_bytes(), 128);
  ASSERT_EQ(result.chromosomes_size(), 1);
  EXPECT_EQ(result.chromosomes(0).split_block(), 11);
  EXPECT_NE(result.chromosomes(0).before_a(), 0);
  EXPECT_TRUE(blobs_.Has(result.weights()));
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WeightsSessionTest, ASeedIsMadeAndStored) {
  coordinator_.AddJob(SmallSeedJob(-1));
  Start();
  const v1::JobResult result = coordinator_.AwaitResult(-1);
  EXPECT_EQ(evaluators_.WeightsOf(-1), SmallSeedBytes(-1));
  EXPECT_EQ(result.weights().digest(), Sha256(SmallSeedBytes(-1)).ToBytes());
  EXPECT_EQ(result.chromosomes_size(), 0);
  EXPECT_EQ(blobs_.stores(), 1);
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WeightsSessionTest, HoldoutTakesStoredWeightsAndStoresNone) {
  v1::Job job;
  job.mutable_key()->set_kind(v1::JOB_KIND_HOLDOUT);
  job.mutable_key()->set_candidate(4);
  *job.mutable_weights() = parent_a_;
  job.set_genome_digest(parent_a_.digest());
  coordinator_.AddJob(job);
  Start();
  EXPECT_FALSE(coordinator_.AwaitResult(4).has_weights());
  EXPECT_EQ(evaluators_.WeightsOf(4), SmallSeedBytes(-2));
  EXPECT_EQ(blobs_.stores(), 0);
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WeightsSessionTest, WeightsThatAreWantedAreMadeAndNotEvaluated) {
  coordinator_.AddJob(Child(3, v1::JOB_KIND_MAKE_BLOB));
  coordinator_.AddJob(SmallSeedJob(-2, v1::JOB_KIND_MAKE_BLOB));
  Start();
  for (const int64_t candidate : {3, -2}) {
    const v1::JobResult result = coordinator_.AwaitResult(candidate);
    EXPECT_EQ(result.chunks_size(), 0);
    EXPECT_TRUE(blobs_.Has(result.weights()));
    EXPECT_EQ(evaluators_.WeightsOf(candidate), "");
  }
  EXPECT_EQ(coordinator_.AwaitResult(3).chromosomes_size(), 1);
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WeightsSessionTest, TheNextJobIsExecutedDuringAnUpload) {
  blobs_.HoldStores();
  coordinator_.AddJob(Child(1));
  coordinator_.AddJob(Child(2));
  Start();
  blobs_.AwaitStores(1);
  evaluators_.AwaitStart(2);
  coordinator_.AwaitCall();
  const v1::ExchangeRequest call = coordinator_.AwaitCall();
  EXPECT_EQ(call.results_size(), 0);
  ASSERT_EQ(call.held_size(), 2);
  EXPECT_EQ(call.wanted_jobs(), 0) << "two uploads fill the capacity";
  blobs_.Release();
  for (const int64_t candidate : {1, 2}) {
    EXPECT_TRUE(blobs_.Has(coordinator_.AwaitResult(candidate).weights()));
  }
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WeightsSessionTest, AResultIsReportedThoughItsWeightsCannotBeStored) {
  blobs_.FailStores(absl::InternalError("broken"));
  coordinator_.AddJob(Child(1));
  coordinator_.AddJob(SmallSeedJob(-2));
  Start();
  for (const int64_t candidate : {1, -2}) {
    const v1::JobResult result = coordinator_.AwaitResult(candidate);
    EXPECT_EQ(result.chunks(0).scores(), FakeEvaluators::ScoresOf(candidate));
    EXPECT_EQ(result.weights().digest(),
              Sha256(evaluators_.WeightsOf(candidate)).ToBytes());
  }
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WeightsSessionTest, WantedWeightsThatCannotBeStoredAreAFailure) {
  blobs_.FailStores(absl::InternalError("broken"));
  coordinator_.AddJob(Child(1, v1::JOB_KIND_MAKE_BLOB));
  Start();
  const v1::JobFailure failure = coordinator_.AwaitFailure(1);
  EXPECT_EQ(failure.error(), "broken");
  EXPECT_EQ(failure.missing_blob(), "");
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WeightsSessionTest, WantedWeightsGoBackWhenTheyCannotBeStoredNow) {
  Start();
  int64_t candidate = 0;
  for (const absl::Status& status :
       {absl::UnavailableError("away"), absl::ResourceExhaustedError("full")}) {
    blobs_.FailStores(status);
    coordinator_.AddJob(Child(++candidate, v1::JOB_KIND_MAKE_BLOB));
    EXPECT_EQ(coordinator_.AwaitReport(candidate), "handed back");
  }
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WeightsSessionTest, AMissingParentIsAFailureThatNamesIt) {
  v1::WeightsRef absent = parent_a_;
  absent.set_digest(Sha256("absent").ToBytes());
  coordinator_.AddJob(SmallOffspringJob(1, absent, parent_b_));
  Start();
  const v1::JobFailure failure = coordinator_.AwaitFailure(1);
  EXPECT_EQ(failure.missing_blob(), Sha256("absent").ToBytes());
  EXPECT_THAT(failure.error(), HasSubstr("job.offspring.parent_a"));
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WeightsSessionTest, AJobGoesBackWhenAParentCannotBeFetchedForNow) {
  blobs_.FailNextFetch(absl::UnavailableError("away"));
  coordinator_.AddJob(Child(1));
  Start();
  EXPECT_EQ(coordinator_.AwaitReport(1), "handed back");
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WeightsSessionTest, AJobThatIsStoppedDuringItsUploadIsNotReported) {
  blobs_.HoldStores();
  coordinator_.AddJob(Child(1));
  coordinator_.AddJob(Child(2));
  Start();
  blobs_.AwaitStores(1);
  evaluators_.AwaitStart(2);
  coordinator_.Stop(Child(1).key());
  while (coordinator_.AwaitCall().held_size() != 1) {
  }
  blobs_.Release();
  coordinator_.AwaitResult(2);
  EXPECT_TRUE(Leave().ok());
  EXPECT_EQ(ResultsOf(1), 0);
}

TEST_F(WeightsSessionTest, UploadsOfACampaignThatHasEndedAreForgotten) {
  blobs_.HoldStores();
  coordinator_.AddJob(Child(1));
  Start();
  blobs_.AwaitStores(1);
  coordinator_.EndCampaign();
  while (coordinator_.AwaitCall().held_size() != 0) {
  }
  EXPECT_TRUE(Leave().ok());
  EXPECT_EQ(ResultsOf(1), 0);
}

TEST_F(WeightsSessionTest, LeavingWaitsForAnUpload) {
  blobs_.HoldStores();
  coordinator_.AddJob(Child(1));
  Start();
  blobs_.AwaitStores(1);
  session_->Drain();
  while (!coordinator_.AwaitCall().draining()) {
  }
  coordinator_.AwaitCall();
  EXPECT_FALSE(coordinator_.HasReport(1));
  blobs_.Release();
  EXPECT_TRUE(outcome_.get().ok());
  EXPECT_TRUE(blobs_.Has(coordinator_.AwaitResult(1).weights()));
}

TEST_F(WeightsSessionTest, AnUploadThatOutlastsTheGracePeriodIsGivenUp) {
  blobs_.HoldStores();
  coordinator_.AddJob(Child(1));
  coordinator_.AddJob(Child(2, v1::JOB_KIND_MAKE_BLOB));
  Start(absl::Milliseconds(800));
  blobs_.AwaitStores(1);
  EXPECT_TRUE(Leave().ok());
  EXPECT_EQ(coordinator_.AwaitReport(1), FakeEvaluators::ScoresOf(1));
  EXPECT_EQ(coordinator_.AwaitReport(2), "handed back");
}

TEST_F(WeightsSessionTest, ALostSessionIsToldOfTheUploadAndThenOfTheResult) {
  blobs_.HoldStores();
  coordinator_.AddJob(Child(1));
  Start();
  blobs_.AwaitStores(1);
  coordinator_.FailNextExchange(absl::NotFoundError("no such session"));
  v1::ExchangeRequest call = coordinator_.AwaitCall();
  while (call.session_id() != "2") call = coordinator_.AwaitCall();
  ASSERT_EQ(call.held_size(), 1);
  EXPECT_FALSE(call.held(0).executing());
  blobs_.Release();
  coordinator_.AwaitResult(1);
  EXPECT_TRUE(Leave().ok());
  EXPECT_EQ(ResultsOf(1), 1);
}

}  // namespace
}  // namespace merganser
