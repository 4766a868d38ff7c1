// Children that are not evaluated to the end: parked, confirmed, resumed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/base/simulated_clock.h"
#include "common/schedule/testing/fake_campaign.h"
#include "coordinator/campaign/campaign_runner.h"
#include "coordinator/campaign/testing/fake_spec.h"
#include "coordinator/store/memory_store.h"

namespace merganser {
namespace {

constexpr char kName[] = "test";
constexpr uint64_t kEpoch = 5;
constexpr int64_t kEvaluations = 60;

using testing::ElementsAre;
using testing::IsEmpty;

std::string BareDigest(const FakeCampaign& campaign) {
  auto schedule = *OrderedSchedule::Create(campaign.options, campaign.gram);
  EXPECT_TRUE(schedule.Start(FakeSeedScores(campaign)).ok());
  while (schedule.applied() < kEvaluations) {
    const Proposal& next = schedule.open().front();
    EXPECT_TRUE(
        schedule
            .Apply(next.candidate,
                   FakeScores(next.genome, campaign.options.archive.datapoints))
            .ok());
  }
  return schedule.archive_digest().ToBytes();
}

class EarlyRejectionTest : public testing::Test {
 protected:
  void Begin(int shards, bool async = false) {
    // Eight chunks of five datapoints.
    campaign_ = MakeFakeCampaign(testing::TempDir(), /*window=*/6,
                                 /*datapoints=*/40, /*chunk_size=*/5);
    campaign_.options.shards = shards;
    campaign_.options.async = async;
    auto runner = CampaignRunner::Create(
        FakeRecord(FakeSpec(kName, campaign_, kEvaluations)), clock_);
    ASSERT_TRUE(runner.ok()) << runner.status();
    runner_ = *std::move(runner);
    TakeJobs();
  }

  void TakeJobs() {
    for (const JobKey& key : runner_->ClosedJobs()) std::erase(jobs_, key);
    for (const JobKey& key : runner_->NewJobs()) jobs_.push_back(key);
  }

  // Everything but children.
  void FinishTheRest() {
    for (size_t i = 0; i < jobs_.size();) {
      if (jobs_[i].kind == JobKind::kSearch) {
        ++i;
        continue;
      }
      const JobKey key = jobs_[i];
      jobs_.erase(jobs_.begin() + static_cast<ptrdiff_t>(i));
      runner_->TakeResult(FakeResult(campaign_, *runner_, key));
      TakeJobs();
      i = 0;
    }
  }

  // Reports the job's first `chunks` chunks; parks it if these are not all.
  ResultVerdict Report(const JobKey& key, int chunks = 1000) {
    v1::JobResult result = FakeResult(campaign_, *runner_, key);
    if (result.chunks_size() > chunks) {
      result.mutable_chunks()->DeleteSubrange(chunks,
                                              result.chunks_size() - chunks);
      result.set_parked(true);
    }
    const ResultVerdict verdict = runner_->TakeResult(result);
    if (verdict.job_done) std::erase(jobs_, key);
    TakeJobs();
    return verdict;
  }

  void Create() {
    store_ = std::make_unique<InMemoryStore>();
    revision_ = 1;
    ASSERT_TRUE(store_->TakeOwnership({}, kEpoch, "here").ok());
    ASSERT_TRUE(store_->Create(kName, kEpoch, runner_->TakeBatch()).ok());
  }

  void Commit() {
    if (!runner_->dirty()) return;
    ASSERT_TRUE(
        store_->Commit(kName, kEpoch, revision_++, runner_->TakeBatch()).ok());
  }

  void Restart() {
    auto restored = CampaignRunner::Restore(
        *store_->Load(kName),
        *store_->ReadList(kName, ListCollection::kCurve, 0, 1000), clock_);
    ASSERT_TRUE(restored.ok()) << restored.status();
    runner_ = *std::move(restored);
    jobs_.clear();
    TakeJobs();
  }

  // Does jobs in any order to the end of the campaign, parks children wherever
  // it pleases the dice, and takes the runner up from the store now and then.
  void Walk(std::mt19937& random) {
    Create();
    while (!runner_->ended()) {
      ASSERT_THAT(jobs_, testing::Not(IsEmpty()));
      const JobKey key = jobs_[random() % jobs_.size()];
      const bool park = key.kind == JobKind::kSearch && random() % 2 == 0;
      const ResultVerdict verdict =
          Report(key, park ? 1 + static_cast<int>(random() % 8) : 1000);
      ASSERT_TRUE(verdict.job_done) << verdict.error;
      Commit();
      if (random() % 16 == 0) Restart();
    }
  }

  JobKey Search(int64_t n, int part = 0) const {
    return {"uid", JobKind::kSearch, n, part};
  }
  v1::Progress progress() const { return runner_->Snapshot().progress(); }

  SimulatedClock clock_;
  FakeCampaign campaign_;
  std::unique_ptr<CampaignRunner> runner_;
  std::vector<JobKey> jobs_;
  std::unique_ptr<InMemoryStore> store_;
  int64_t revision_ = 1;
};

class EarlyRejectionWalkTest : public EarlyRejectionTest,
                               public testing::WithParamInterface<int> {};

TEST_P(EarlyRejectionWalkTest, EndsWithTheArchiveOfTheBareSchedule) {
  int64_t confirmed = 0;
  int64_t resumed = 0;
  int64_t asked_again = 0;
  for (int seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    jobs_.clear();
    Begin(GetParam());
    Walk(random);
    EXPECT_EQ(progress().archive_digest(), BareDigest(campaign_));
    EXPECT_EQ(progress().evaluations(), kEvaluations);
    EXPECT_EQ(progress().conflicts(), 0);
    confirmed += progress().parked_confirmed();
    resumed += progress().parked() - progress().parked_confirmed();
    EXPECT_GE(progress().rejected_early(), progress().parked_confirmed());
    EXPECT_LE(progress().parked(), kEvaluations) << "a child counts once";
    asked_again += progress().parked_resumed();
    EXPECT_LE(progress().parked_resumed(),
              progress().parked() - progress().parked_confirmed());
  }
  if (GetParam() > 8) return;  // one chunk each: none can be parked
  EXPECT_GT(confirmed, 5);
  EXPECT_GT(resumed, 50);
  EXPECT_GT(asked_again, 50);
}

INSTANTIATE_TEST_SUITE_P(Shards, EarlyRejectionWalkTest,
                         testing::Values(1, 2, 3, 100));

TEST_F(EarlyRejectionTest, AsksForTheRestOfAChildThatItsArchiveDoesNotReject) {
  Begin(/*shards=*/1);
  FinishTheRest();
  // The archive has empty slots: nothing can be rejected.
  EXPECT_EQ(Report(Search(1), 3).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_FALSE(runner_->MakeJob(Search(1)).ok()) << "it waits for its turn";
  EXPECT_EQ(Report(Search(0)).outcome, v1::RESULT_OUTCOME_COMMITTED);
  const auto job = runner_->MakeJob(Search(1, 1));
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_TRUE(job->urgent());
  ASSERT_EQ(job->chunks_size(), 1);
  EXPECT_THAT(job->chunks(0).chunks(), ElementsAre(3, 4, 5, 6, 7));
  ASSERT_EQ(job->known_size(), 3);
  EXPECT_EQ(job->known(2).chunk(), 2);
  EXPECT_EQ(runner_->applied(), 1);
  EXPECT_EQ(Report(Search(1, 1)).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_EQ(runner_->applied(), 2);
  EXPECT_EQ(progress().parked(), 1);
  EXPECT_EQ(progress().parked_confirmed(), 0);
  EXPECT_EQ(progress().parked_resumed(), 1);
  EXPECT_EQ(progress().rejected_early(), 0);
  EXPECT_EQ(progress().datapoint_evaluations(), 80);
}

TEST_F(EarlyRejectionTest, DealsAChildsChunksOutToItsShards) {
  Begin(/*shards=*/3);
  FinishTheRest();
  EXPECT_THAT(runner_->MakeJob(Search(0, 0))->chunks(0).chunks(),
              ElementsAre(0, 3, 6));
  EXPECT_THAT(runner_->MakeJob(Search(0, 2))->chunks(0).chunks(),
              ElementsAre(2, 5));
  Report(Search(0, 0));
  Report(Search(0, 2));
  EXPECT_EQ(runner_->applied(), 0);
  EXPECT_EQ(runner_->MakeJob(Search(0, 1))->known_size(), 5);
  Report(Search(0, 1));
  EXPECT_EQ(runner_->applied(), 1);
}

TEST_F(EarlyRejectionTest, AParkedShardClosesTheOthers) {
  Begin(/*shards=*/2);
  FinishTheRest();
  EXPECT_THAT(jobs_, testing::Contains(Search(3, 1)));
  Report(Search(3, 0), 1);
  EXPECT_THAT(jobs_, testing::Not(testing::Contains(Search(3, 1))));
  EXPECT_FALSE(runner_->MakeJob(Search(3, 1)).ok());
}

TEST_F(EarlyRejectionTest, AParkedReportMeansNothingWhereNobodyRejectsEarly) {
  Begin(/*shards=*/1);
  jobs_.clear();
  campaign_.options.early_rejection = false;
  runner_ = *CampaignRunner::Create(
      FakeRecord(FakeSpec(kName, campaign_, kEvaluations)), clock_);
  TakeJobs();
  FinishTheRest();
  const ResultVerdict verdict = Report(Search(0), 3);
  EXPECT_EQ(verdict.outcome, v1::RESULT_OUTCOME_REFUSED);
  EXPECT_THAT(verdict.error, testing::HasSubstr("parked"));
  EXPECT_FALSE(runner_->MakeArchiveUpdate(-1).has_value());
}

TEST_F(EarlyRejectionTest, TellsWorkersWhatHasChangedInTheArchive) {
  Begin(/*shards=*/1);
  FinishTheRest();
  EXPECT_FALSE(runner_->MakeArchiveUpdate(-1).has_value())
      << "while slots are empty";
  int64_t n = 0;
  for (; progress().accepted() < 4; ++n) Report(Search(n));
  const auto all = runner_->MakeArchiveUpdate(-1);
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(all->slots_size(), 6);
  EXPECT_EQ(all->version(), runner_->applied());
  EXPECT_FALSE(runner_->MakeArchiveUpdate(all->version()).has_value());
  for (; progress().accepted() < 5; ++n) Report(Search(n));
  const auto change = runner_->MakeArchiveUpdate(all->version());
  ASSERT_TRUE(change.has_value());
  ASSERT_EQ(change->slots_size(), 1);
  EXPECT_EQ(change->slots(0).slot(), *runner_->SlotOf(n - 1));
}

// In any order of arrival, with children parked on the way.
TEST_F(EarlyRejectionTest, AppliesAsyncResultsAsTheyCome) {
  Begin(/*shards=*/1, /*async=*/true);
  FinishTheRest();
  Report(Search(4));
  EXPECT_EQ(runner_->applied(), 1);
  Report(Search(2));
  EXPECT_EQ(runner_->applied(), 2);
  EXPECT_TRUE(runner_->MakeJob(Search(7)).ok()) << "two more are open";
  EXPECT_EQ(Report(Search(1), 2).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_TRUE(runner_->MakeJob(Search(1, 1)).ok()) << "it need not wait";
}

TEST_F(EarlyRejectionTest, RefusesAParkedReportWithoutAChunk) {
  Begin(/*shards=*/1);
  FinishTheRest();
  v1::JobResult result = FakeResult(campaign_, *runner_, Search(0));
  result.clear_chunks();
  result.set_parked(true);
  const ResultVerdict verdict = runner_->TakeResult(result);
  EXPECT_EQ(verdict.outcome, v1::RESULT_OUTCOME_REFUSED);
  EXPECT_THAT(verdict.error, testing::HasSubstr("at least one"));
}

// A worker that was thought lost reports the part that was leased again under
// another number.
TEST_F(EarlyRejectionTest, ALateReportClosesTheJobThatAsksForTheSameChunks) {
  Begin(/*shards=*/2);
  FinishTheRest();
  const v1::JobResult late = FakeResult(campaign_, *runner_, Search(0, 1));
  Report(Search(0, 0), 1);
  ASSERT_TRUE(runner_->MakeJob(Search(0, 3)).ok()) << "resumed at once";
  EXPECT_EQ(runner_->TakeResult(late).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_FALSE(runner_->MakeJob(Search(0, 3)).ok());
  EXPECT_THAT(runner_->ClosedJobs(), ElementsAre(Search(0, 3)));
}

TEST_F(EarlyRejectionTest, AResumedChildKeepsItsJobAndItsCountOverARestart) {
  Begin(/*shards=*/1);
  FinishTheRest();
  Create();
  Report(Search(0), 3);
  ASSERT_TRUE(runner_->MakeJob(Search(0, 1)).ok()) << "resumed";
  Commit();
  Restart();
  EXPECT_TRUE(runner_->MakeJob(Search(0, 1)).ok());
  EXPECT_FALSE(runner_->MakeJob(Search(0)).ok());
  Report(Search(0, 1), 2);
  ASSERT_TRUE(runner_->MakeJob(Search(0, 2)).ok()) << "resumed again";
  EXPECT_EQ(progress().parked(), 1);
}

// The order is nobody's to foretell; but all children's scores are known here,
// so that the log's order alone gives the archive once more.
TEST_F(EarlyRejectionTest, TheLogOfAnAsyncCampaignGivesItsArchive) {
  for (int seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    jobs_.clear();
    Begin(/*shards=*/1 + seed % 3, /*async=*/true);
    Walk(random);
    auto schedule = *OrderedSchedule::Create(campaign_.options, campaign_.gram);
    ASSERT_TRUE(schedule.Start(FakeSeedScores(campaign_)).ok());
    std::vector<int64_t> order;
    const auto log = store_->ReadList(kName, ListCollection::kLog, 0, 1000);
    ASSERT_TRUE(log.ok()) << log.status();
    for (const std::string& bytes : *log) {
      v1::LogEntry entry;
      ASSERT_TRUE(entry.ParseFromString(bytes));
      const int64_t n = entry.proposal().candidate();
      order.push_back(n);
      ASSERT_NE(schedule.Find(n), nullptr);
      EXPECT_EQ(entry.proposal().genome_digest(),
                schedule.Find(n)->genome.ToBytes());
      ASSERT_TRUE(
          schedule.Apply(n, FakeScores(schedule.Find(n)->genome, 40)).ok());
    }
    EXPECT_EQ(order.size(), static_cast<size_t>(kEvaluations));
    EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
    EXPECT_EQ(progress().archive_digest(), schedule.archive_digest().ToBytes());
  }
}

}  // namespace
}  // namespace merganser
