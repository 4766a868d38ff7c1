#include "coordinator/campaign/campaign_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/simulated_clock.h"
#include "common/schedule/testing/fake_campaign.h"
#include "coordinator/campaign/testing/fake_spec.h"
#include "coordinator/store/memory_store.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kName[] = "test";
constexpr uint64_t kEpoch = 5;

class CampaignRunnerTest : public testing::Test {
 protected:
  void SetUp() override {
    campaign_ = MakeFakeCampaign(testing::TempDir(), /*window=*/4);
    spec_ = FakeSpec(kName, campaign_, /*evaluations=*/50);
    Begin();
  }

  void Begin() {
    auto runner = CampaignRunner::Create(FakeRecord(spec_), clock_);
    ASSERT_TRUE(runner.ok()) << runner.status();
    runner_ = *std::move(runner);
  }

  v1::JobResult ResultOf(const JobKey& key) {
    return FakeResult(campaign_, *runner_, key);
  }

  ResultVerdict Report(const JobKey& key) {
    return runner_->TakeResult(ResultOf(key));
  }

  void ReportAll(const std::vector<JobKey>& jobs) {
    for (const JobKey& job : jobs) {
      if (!runner_->MakeJob(job).ok()) continue;  // done already
      EXPECT_EQ(Report(job).outcome, v1::RESULT_OUTCOME_COMMITTED)
          << job.ToString();
    }
  }

  // Reports all jobs until none is left.
  void Finish() {
    for (auto jobs = runner_->NewJobs(); !jobs.empty();
         jobs = runner_->NewJobs()) {
      ReportAll(jobs);
    }
  }

  JobKey Search(int64_t n) { return {"uid", JobKind::kSearch, n}; }

  SimulatedClock clock_;
  FakeCampaign campaign_;
  v1::CampaignSpec spec_;
  std::unique_ptr<CampaignRunner> runner_;
};

struct RecipeCase {
  const char* name;
  FakeCampaign (*make)(const std::string& directory, int64_t window,
                       int64_t datapoints, int chunk_size);
};

void PrintTo(const RecipeCase& test, std::ostream* stream) {
  *stream << test.name;
}

// Of the seeds alone, and of their differences from a base, with noise.
class AnyRecipesTest : public CampaignRunnerTest,
                       public testing::WithParamInterface<RecipeCase> {
 protected:
  void SetUp() override {
    campaign_ = GetParam().make(testing::TempDir(), /*window=*/4,
                                /*datapoints=*/40, /*chunk_size=*/16);
    spec_ = FakeSpec(kName, campaign_, /*evaluations=*/50);
    Begin();
  }
};

INSTANTIATE_TEST_SUITE_P(
    Recipes, AnyRecipesTest,
    testing::Values(RecipeCase{"OfSeeds", MakeFakeCampaign},
                    RecipeCase{"OfDifferences", MakeFakeBaseCampaign}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(CampaignRunnerTest, BeginsWithTheGramSumsAndTheSeeds) {
  EXPECT_EQ(runner_->state(), v1::CAMPAIGN_STATE_PREPARING);
  EXPECT_THAT(runner_->NewJobs(),
              ElementsAre(JobKey{"uid", JobKind::kGram, 0},
                          JobKey{"uid", JobKind::kSeed, -2},
                          JobKey{"uid", JobKind::kSeed, -1}));
  EXPECT_THAT(runner_->NewJobs(), IsEmpty());
}

TEST_F(CampaignRunnerTest, RunsWhenTheyAreThereAndCompletesWithTheBudget) {
  ReportAll(runner_->NewJobs());
  EXPECT_EQ(runner_->state(), v1::CAMPAIGN_STATE_RUNNING);
  const std::vector<JobKey> jobs = runner_->NewJobs();
  ASSERT_EQ(jobs.size(), 6u) << "two holdouts, a window of four";
  ReportAll(jobs);
  Finish();
  EXPECT_EQ(runner_->state(), v1::CAMPAIGN_STATE_COMPLETED);
  EXPECT_EQ(runner_->applied(), 50);
  EXPECT_TRUE(runner_->Snapshot().progress().best().has_holdout_accuracy());
}

// The expected digest comes from the schedule alone, with no runner around it.
TEST_P(AnyRecipesTest, ArriveAtTheArchiveOfTheBareSchedule) {
  Finish();
  auto schedule = *OrderedSchedule::Create(campaign_.options, campaign_.gram);
  ASSERT_TRUE(schedule.Start(FakeSeedScores(campaign_)).ok());
  while (schedule.applied() < 50) {
    const Digest genome = schedule.open().front().genome;
    ASSERT_TRUE(schedule
                    .Apply(schedule.open().front().candidate,
                           FakeScores(genome, schedule.archive().datapoints()))
                    .ok());
  }
  EXPECT_EQ(runner_->Snapshot().progress().archive_digest(),
            schedule.archive_digest().ToBytes());
}

TEST_F(CampaignRunnerTest, AppliesInOrderWhateverTheOrderOfArrival) {
  ReportAll(runner_->NewJobs());
  EXPECT_EQ(Report(Search(3)).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_EQ(Report(Search(1)).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_EQ(runner_->applied(), 0);
  EXPECT_EQ(Report(Search(0)).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_EQ(runner_->applied(), 2);
  EXPECT_EQ(Report(Search(2)).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_EQ(runner_->applied(), 4);
}

TEST_F(CampaignRunnerTest, WelcomesRepeatsBeforeAndAfterTheyWereApplied) {
  ReportAll(runner_->NewJobs());
  const v1::JobResult late = ResultOf(Search(1));
  const v1::JobResult first = ResultOf(Search(0));
  EXPECT_EQ(runner_->TakeResult(late).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_EQ(runner_->TakeResult(late).outcome, v1::RESULT_OUTCOME_REDUNDANT);
  EXPECT_EQ(runner_->TakeResult(first).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_EQ(runner_->TakeResult(first).outcome, v1::RESULT_OUTCOME_REDUNDANT);
  EXPECT_EQ(runner_->applied(), 2);
  EXPECT_EQ(runner_->Snapshot().progress().conflicts(), 0);
}

TEST_F(CampaignRunnerTest, FlagsOtherScoresForTheSameChunk) {
  ReportAll(runner_->NewJobs());
  for (const int64_t n : {1, 0}) {
    v1::JobResult result = ResultOf(Search(n));
    ASSERT_EQ(runner_->TakeResult(result).outcome,
              v1::RESULT_OUTCOME_COMMITTED);
    (*result.mutable_chunks(0)->mutable_scores())[0] ^= 0x40;
    EXPECT_EQ(runner_->TakeResult(result).outcome, v1::RESULT_OUTCOME_CONFLICT);
  }
  EXPECT_EQ(runner_->Snapshot().progress().conflicts(), 2);
}

struct RefusalCase {
  const char* name;
  std::function<void(v1::JobResult&)> spoil;
  const char* expected;
};

TEST_F(CampaignRunnerTest, RefusesResultsThatDoNotFit) {
  ReportAll(runner_->NewJobs());
  const RefusalCase cases[] = {
      {"another genome",
       [](v1::JobResult& result) { result.set_genome_digest("x"); },
       "genome_digest"},
      {"another layout",
       [](v1::JobResult& result) { result.set_layout_version(1); },
       "layout_version"},
      {"a chunk missing",
       [](v1::JobResult& result) { result.mutable_chunks()->RemoveLast(); },
       "of the job's chunks are missing"},
      {"a chunk that there is not",
       [](v1::JobResult& result) { result.mutable_chunks(0)->set_chunk(9); },
       "chunks.chunk"},
      {"scores too short",
       [](v1::JobResult& result) { result.mutable_chunks(0)->set_scores(""); },
       "chunks.scores"},
      {"not drawn yet",
       [](v1::JobResult& result) { result.mutable_key()->set_candidate(4); },
       "not drawn"},
      {"no kind",
       [](v1::JobResult& result) {
         result.mutable_key()->set_kind(v1::JOB_KIND_UNSPECIFIED);
       },
       "key.kind"},
  };
  for (const RefusalCase& test : cases) {
    v1::JobResult result = ResultOf(Search(0));
    test.spoil(result);
    const ResultVerdict verdict = runner_->TakeResult(result);
    EXPECT_EQ(verdict.outcome, v1::RESULT_OUTCOME_REFUSED) << test.name;
    EXPECT_THAT(verdict.error, HasSubstr(test.expected)) << test.name;
    EXPECT_FALSE(verdict.job_done) << test.name;
  }
  EXPECT_EQ(runner_->applied(), 0);
}

TEST_F(CampaignRunnerTest, AppliesAQuarantinedProposalAsDropped) {
  ReportAll(runner_->NewJobs());
  runner_->Quarantine(Search(0), "it fails everywhere");
  EXPECT_EQ(runner_->applied(), 1);
  Finish();
  EXPECT_EQ(runner_->Snapshot().progress().quarantined(), 1);
}

TEST_F(CampaignRunnerTest, FailsWhenASeedCannotBeEvaluated) {
  runner_->Quarantine({"uid", JobKind::kSeed, -1}, "the file is gone");
  EXPECT_EQ(runner_->state(), v1::CAMPAIGN_STATE_FAILED);
  EXPECT_THAT(runner_->Snapshot().message(), HasSubstr("the file is gone"));
}

TEST_F(CampaignRunnerTest, PausesAndGoesOnWhereItWas) {
  ReportAll(runner_->NewJobs());
  ASSERT_TRUE(runner_->Pause().ok());
  EXPECT_EQ(runner_->state(), v1::CAMPAIGN_STATE_PAUSED);
  EXPECT_EQ(Report(Search(0)).outcome, v1::RESULT_OUTCOME_COMMITTED)
      << "results under way are still taken";
  ASSERT_TRUE(runner_->Resume().ok());
  EXPECT_EQ(runner_->state(), v1::CAMPAIGN_STATE_RUNNING);
}

TEST_F(CampaignRunnerTest, ALargerBudgetContinuesAsIfItHadAlwaysBeenThere) {
  Finish();
  ASSERT_TRUE(runner_->ExtendBudget(80).ok());
  EXPECT_EQ(runner_->state(), v1::CAMPAIGN_STATE_RUNNING);
  Finish();
  EXPECT_EQ(runner_->state(), v1::CAMPAIGN_STATE_COMPLETED);
  const std::string extended = runner_->Snapshot().progress().archive_digest();

  spec_.mutable_budget()->set_evaluations(80);
  Begin();
  Finish();
  EXPECT_EQ(runner_->Snapshot().progress().archive_digest(), extended);
}

TEST_F(CampaignRunnerTest, ABudgetRaisedDuringAPauseAtTheEndIsSpent) {
  // All children are applied, the holdout jobs are not done: it is finishing.
  std::vector<JobKey> holdouts;
  for (auto jobs = runner_->NewJobs(); !jobs.empty();
       jobs = runner_->NewJobs()) {
    for (const JobKey& job : jobs) {
      if (job.kind == JobKind::kHoldout) {
        holdouts.push_back(job);
      } else {
        Report(job);
      }
    }
  }
  ASSERT_EQ(runner_->state(), v1::CAMPAIGN_STATE_FINISHING);
  ASSERT_TRUE(runner_->Pause().ok());
  ASSERT_TRUE(runner_->ExtendBudget(60).ok());
  ASSERT_TRUE(runner_->Resume().ok());
  ReportAll(holdouts);
  EXPECT_EQ(runner_->state(), v1::CAMPAIGN_STATE_RUNNING);
  Finish();
  EXPECT_EQ(runner_->applied(), 60);
  EXPECT_EQ(runner_->state(), v1::CAMPAIGN_STATE_COMPLETED);
}

TEST_F(CampaignRunnerTest, RefusesASmallerBudgetAndNamesIt) {
  const absl::Status status = runner_->ExtendBudget(49);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("budget.evaluations"));
}

TEST_F(CampaignRunnerTest, ACancelledCampaignCannotGoOn) {
  ASSERT_TRUE(runner_->Cancel().ok());
  EXPECT_EQ(runner_->Resume().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(runner_->ExtendBudget(99).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Report({"uid", JobKind::kGram, 0}).outcome,
            v1::RESULT_OUTCOME_REDUNDANT);
}

TEST_F(CampaignRunnerTest, KeepsTheFirstProbeAndRefusesAnother) {
  EXPECT_TRUE(runner_->CheckProbe("first").ok());
  EXPECT_TRUE(runner_->CheckProbe("first").ok());
  EXPECT_EQ(runner_->CheckProbe("second").code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(CampaignRunnerTest, CountsActiveTimeFromTheFirstLeaseToTheLastApply) {
  ReportAll(runner_->NewJobs());
  clock_.Advance(absl::Seconds(100));
  runner_->NoteLease();
  clock_.Advance(absl::Seconds(3));
  Report(Search(0));
  clock_.Advance(absl::Seconds(50));
  EXPECT_DOUBLE_EQ(runner_->Snapshot().progress().active_seconds(), 3);
}

// Stores after every few results, throws the runner away and takes it up from
// the store, at many different moments.
TEST_P(AnyRecipesTest, ComeBackFromTheStoreAtAnyMoment) {
  Finish();
  const std::string expected = runner_->Snapshot().progress().archive_digest();
  for (const int every : {1, 2, 3, 7}) {
    InMemoryStore store;
    ASSERT_TRUE(store.TakeOwnership({}, kEpoch, "here").ok());
    Begin();
    ASSERT_TRUE(store.Create(kName, kEpoch, runner_->TakeBatch()).ok());
    int64_t revision = 1;
    int reported = 0;
    std::vector<JobKey> jobs = runner_->NewJobs();
    while (!runner_->ended()) {
      ASSERT_FALSE(jobs.empty());
      // The newest first, so that results wait for older ones.
      Report(jobs.back());
      jobs.pop_back();
      for (const JobKey& job : runner_->NewJobs()) jobs.push_back(job);
      if (runner_->dirty()) {
        ASSERT_TRUE(
            store.Commit(kName, kEpoch, revision++, runner_->TakeBatch()).ok());
      }
      if (++reported % every != 0) continue;
      const auto stored = store.Load(kName);
      ASSERT_TRUE(stored.ok());
      auto restored = CampaignRunner::Restore(
          *stored, *store.ReadList(kName, ListCollection::kCurve, 0, 1000),
          clock_);
      ASSERT_TRUE(restored.ok()) << restored.status();
      runner_ = *std::move(restored);
      jobs = runner_->NewJobs();
    }
    EXPECT_EQ(runner_->Snapshot().progress().archive_digest(), expected)
        << "restored after every " << every << " results";
    EXPECT_EQ(store.Load(kName)->log_length, 50);
  }
}

TEST_P(AnyRecipesTest, ShowTheShareOfEachOfTheirSeeds) {
  Finish();
  const int seeds = campaign_.options.base_digest.has_value() ? 3 : 2;
  const auto seed = runner_->MakeCandidate(-2);
  ASSERT_TRUE(seed.ok()) << seed.status();
  std::vector<double> whole(seeds, 0.0);
  whole[0] = 1;
  EXPECT_THAT(seed->seed_shares(), testing::ElementsAreArray(whole));
}

TEST_F(CampaignRunnerTest, SaysWhatIsMissingInADamagedStore) {
  StoredCampaign stored;
  EXPECT_EQ(CampaignRunner::Restore(stored, {}, clock_).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace merganser
