// Campaigns that keep weights, from the runner's side.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>

#include "common/base/simulated_clock.h"
#include "common/schedule/testing/fake_campaign.h"
#include "coordinator/campaign/campaign_runner.h"
#include "coordinator/campaign/testing/fake_spec.h"
#include "coordinator/store/memory_store.h"

namespace merganser {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kName[] = "test";
constexpr uint64_t kEpoch = 1;
constexpr int64_t kEvaluations = 60;

bool StoresAll(const Digest&) { return true; }
bool StoresNothing(const Digest&) { return false; }

class CampaignWeightsTest : public testing::Test {
 protected:
  void SetUp() override {
    campaign_ = MakeFakeScratchCampaign(/*window=*/4);
    Begin(FakeSpec(kName, campaign_, kEvaluations));
  }

  void Begin(const v1::CampaignSpec& spec) {
    auto runner = CampaignRunner::Create(FakeRecord(spec), clock_);
    ASSERT_TRUE(runner.ok()) << runner.status();
    runner_ = *std::move(runner);
    ASSERT_TRUE(store_.TakeOwnership({}, kEpoch, "here").ok());
    ASSERT_TRUE(store_.Create(kName, kEpoch, runner_->TakeBatch()).ok());
  }

  // As after a restart of the coordinator.
  void Restart() {
    Store();
    const auto stored = store_.Load(kName);
    ASSERT_TRUE(stored.ok()) << stored.status();
    const auto curve =
        store_.ReadList(kName, ListCollection::kCurve, 0, stored->curve_length);
    ASSERT_TRUE(curve.ok()) << curve.status();
    auto runner = CampaignRunner::Restore(*stored, *curve, clock_);
    ASSERT_TRUE(runner.ok()) << runner.status();
    runner_ = *std::move(runner);
  }

  void Store() {
    if (!runner_->dirty()) return;
    ASSERT_TRUE(
        store_.Commit(kName, kEpoch, revision_++, runner_->TakeBatch()).ok());
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
  void Finish() {
    for (auto jobs = runner_->NewJobs(); !jobs.empty();
         jobs = runner_->NewJobs()) {
      ReportAll(jobs);
    }
  }

  JobKey Search(int64_t n) { return {"uid", JobKind::kSearch, n}; }
  JobKey MakeBlob(int64_t n) { return {"uid", JobKind::kMakeBlob, n}; }

  // The digest of the bare schedule, with no runner around it.
  std::string ExpectedDigest() {
    auto schedule = *OrderedSchedule::Create(campaign_.options, nullptr);
    EXPECT_TRUE(
        schedule.Start(FakeSeedScores(campaign_), FakeSeedWeights(campaign_))
            .ok());
    while (schedule.applied() < kEvaluations) {
      const Proposal& next = schedule.open().front();
      const Digest genome = next.genome;
      EXPECT_TRUE(schedule
                      .Apply(next.candidate, FakeScores(genome, 40),
                             FakeWeights(genome))
                      .ok());
    }
    return schedule.archive_digest().ToBytes();
  }
  std::string ArchiveDigest() {
    return runner_->Snapshot().progress().archive_digest();
  }

  SimulatedClock clock_;
  FakeCampaign campaign_;
  InMemoryStore store_;
  int64_t revision_ = 1;
  std::unique_ptr<CampaignRunner> runner_;
};

TEST_F(CampaignWeightsTest, NeedsNoGramSumsAndEndsWithTheBareSchedulesArchive) {
  const std::vector<JobKey> jobs = runner_->NewJobs();
  EXPECT_THAT(jobs, ElementsAre(JobKey{"uid", JobKind::kSeed, -2},
                                JobKey{"uid", JobKind::kSeed, -1}));
  ReportAll(jobs);
  EXPECT_EQ(runner_->state(), v1::CAMPAIGN_STATE_RUNNING);
  Finish();
  EXPECT_EQ(runner_->state(), v1::CAMPAIGN_STATE_COMPLETED);
  EXPECT_EQ(ArchiveDigest(), ExpectedDigest());
}

TEST_F(CampaignWeightsTest, EndsWithTheSameArchiveAfterRestartsAnywhere) {
  for (int step = 0; runner_->state() != v1::CAMPAIGN_STATE_COMPLETED; ++step) {
    Restart();
    const std::vector<JobKey> jobs = runner_->NewJobs();
    ASSERT_FALSE(jobs.empty());
    Report(jobs[step % jobs.size()]);
  }
  EXPECT_EQ(ArchiveDigest(), ExpectedDigest());
}

TEST_F(CampaignWeightsTest, JobsSayHowTheWeightsAreMade) {
  const v1::Job seed = *runner_->MakeJob({"uid", JobKind::kSeed, -2});
  EXPECT_FALSE(seed.has_recipe() || seed.has_offspring() || seed.has_weights());
  EXPECT_EQ(seed.genome_digest(), campaign_.options.seed_digests[0].ToBytes());
  ReportAll(runner_->NewJobs());
  const v1::Job child = *runner_->MakeJob(Search(0));
  EXPECT_FALSE(child.has_recipe());
  const std::vector<Digest> seeds = FakeSeedWeights(campaign_);
  EXPECT_THAT(
      (std::vector<std::string>{seeds[0].ToBytes(), seeds[1].ToBytes()}),
      Contains(child.offspring().parent_a().digest()));
  EXPECT_EQ(child.offspring().parent_a().size_bytes(), 36);
  ASSERT_EQ(child.offspring().chromosomes_size(), 1);
  EXPECT_EQ(child.offspring().chromosomes(0).before_a(), 0);
  const v1::Job holdout = *runner_->MakeJob({"uid", JobKind::kHoldout, -1});
  EXPECT_EQ(holdout.weights().digest(), seeds[1].ToBytes());
  EXPECT_EQ(holdout.genome_digest(), seeds[1].ToBytes());
}

TEST_F(CampaignWeightsTest, RefusesResultsWithoutTheWeightsOfTheChild) {
  struct Case {
    const char* name;
    std::function<void(v1::JobResult&)> spoil;
    const char* field;
  };
  const Case cases[] = {
      {"none", [](v1::JobResult& r) { r.clear_weights(); }, "weights.digest"},
      {"short digest",
       [](v1::JobResult& r) { r.mutable_weights()->set_digest("abc"); },
       "weights.digest"},
      {"other size",
       [](v1::JobResult& r) { r.mutable_weights()->set_size_bytes(35); },
       "weights.size_bytes"},
      {"no crossover", [](v1::JobResult& r) { r.clear_chromosomes(); },
       "chromosomes"},
      {"no number",
       [](v1::JobResult& r) {
         r.mutable_chromosomes(0)->set_after_b(std::nan(""));
       },
       "chromosomes"},
      {"other mix",
       [](v1::JobResult& r) {
         r.mutable_chromosomes(0)->set_mix(r.chromosomes(0).mix() / 2);
       },
       "chromosomes"},
  };
  ReportAll(runner_->NewJobs());
  for (const Case& test : cases) {
    v1::JobResult result = ResultOf(Search(0));
    test.spoil(result);
    const ResultVerdict verdict = runner_->TakeResult(result);
    EXPECT_EQ(verdict.outcome, v1::RESULT_OUTCOME_REFUSED) << test.name;
    EXPECT_THAT(verdict.error, HasSubstr(test.field)) << test.name;
  }
  EXPECT_EQ(Report(Search(0)).outcome, v1::RESULT_OUTCOME_COMMITTED);
}

TEST_F(CampaignWeightsTest, RefusesSeedsThatThereAreNot) {
  v1::JobResult result = ResultOf({"uid", JobKind::kSeed, -1});
  for (const int64_t candidate : {int64_t{-3}, int64_t{0}, int64_t{1} << 40}) {
    result.mutable_key()->set_candidate(candidate);
    EXPECT_EQ(runner_->TakeResult(result).outcome, v1::RESULT_OUTCOME_REFUSED);
  }
}

TEST_F(CampaignWeightsTest, FlagsOtherWeightsOfTheSameSeed) {
  v1::JobResult result = ResultOf({"uid", JobKind::kSeed, -1});
  EXPECT_EQ(runner_->TakeResult(result).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_EQ(runner_->TakeResult(result).outcome, v1::RESULT_OUTCOME_REDUNDANT);
  result.mutable_weights()->mutable_digest()->front() ^= 1;
  EXPECT_EQ(runner_->TakeResult(result).outcome, v1::RESULT_OUTCOME_CONFLICT);
}

TEST_F(CampaignWeightsTest, WeightsThatNobodyWaitsForAreNotMade) {
  ReportAll(runner_->NewJobs());
  runner_->NewJobs();
  const std::string lost = FakeSeedWeights(campaign_)[0].ToBytes();
  int64_t n = 0;
  while (!runner_->TakeMissingBlob(Search(n), lost)) ++n;
  EXPECT_TRUE(runner_->MakeJob(MakeBlob(-2)).ok());
  // Somebody had the blob after all.
  EXPECT_EQ(Report(Search(n)).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_FALSE(runner_->MakeJob(MakeBlob(-2)).ok());
  EXPECT_FALSE(runner_->TakeMissingBlob(Search(n), lost)) << "it is done";
}

TEST_F(CampaignWeightsTest, FlagsOtherWeightsOfTheSameChild) {
  ReportAll(runner_->NewJobs());
  v1::JobResult result = ResultOf(Search(1));
  ASSERT_EQ(runner_->TakeResult(result).outcome, v1::RESULT_OUTCOME_COMMITTED);
  result.mutable_weights()->mutable_digest()->front() ^= 1;
  EXPECT_EQ(runner_->TakeResult(result).outcome, v1::RESULT_OUTCOME_CONFLICT);
  EXPECT_EQ(runner_->Snapshot().progress().conflicts(), 1);
}

TEST_F(CampaignWeightsTest, AJobWaitsUntilItsParentIsMadeAgain) {
  ReportAll(runner_->NewJobs());
  runner_->NewJobs();
  const v1::Job job = *runner_->MakeJob(Search(0));
  const std::string lost = job.offspring().parent_a().digest();
  ASSERT_TRUE(runner_->TakeMissingBlob(Search(0), lost));
  const std::vector<JobKey> made = runner_->NewJobs();
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].kind, JobKind::kMakeBlob);
  const v1::Job make = *runner_->MakeJob(made[0]);
  EXPECT_TRUE(make.urgent());
  EXPECT_EQ(Report(made[0]).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_THAT(runner_->NewJobs(), ElementsAre(Search(0)));
  EXPECT_FALSE(runner_->MakeJob(made[0]).ok()) << "it is done";
}

TEST_F(CampaignWeightsTest, WeightsAreMadeOnceForAllThatWait) {
  ReportAll(runner_->NewJobs());
  runner_->NewJobs();
  const std::string lost = FakeSeedWeights(campaign_)[0].ToBytes();
  std::vector<JobKey> waiting;
  for (int64_t n = 0; n < 4; ++n) {
    if (runner_->TakeMissingBlob(Search(n), lost)) waiting.push_back(Search(n));
  }
  ASSERT_GE(waiting.size(), 2u);
  const std::vector<JobKey> made = runner_->NewJobs();
  EXPECT_EQ(std::set<JobKey>(made.begin(), made.end()),
            std::set<JobKey>{MakeBlob(-2)});
  EXPECT_EQ(Report(MakeBlob(-2)).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_EQ(runner_->NewJobs(), waiting);
}

TEST_F(CampaignWeightsTest, ALostGrandparentIsMadeBeforeTheParent) {
  ReportAll(runner_->NewJobs());
  while (runner_->applied() < 30) ReportAll(runner_->NewJobs());
  const int64_t open = runner_->applied();
  for (int64_t n = open; n < open + 4; ++n) {
    const v1::Job job = *runner_->MakeJob(Search(n));
    const std::string lost = job.offspring().parent_a().digest();
    ASSERT_TRUE(runner_->TakeMissingBlob(Search(n), lost));
  }
  const std::vector<JobKey> first = runner_->NewJobs();
  std::vector<JobKey> blobs;
  for (const JobKey& key : first) {
    if (key.kind == JobKind::kMakeBlob && key.candidate >= 0) {
      blobs.push_back(key);
    }
  }
  ASSERT_FALSE(blobs.empty());
  const v1::Job parent = *runner_->MakeJob(blobs[0]);
  const std::string lost = parent.offspring().parent_a().digest();
  ASSERT_TRUE(runner_->TakeMissingBlob(blobs[0], lost));
  for (const JobKey& key : first) {
    const bool done = !runner_->MakeJob(key).ok();
    if (key.kind == JobKind::kSearch || key == blobs[0] || done) continue;
    Report(key);
  }
  Finish();
  EXPECT_EQ(runner_->state(), v1::CAMPAIGN_STATE_COMPLETED);
  EXPECT_EQ(ArchiveDigest(), ExpectedDigest());
}

TEST_F(CampaignWeightsTest, WeightsThatTheJobDoesNotNeedAreNotMade) {
  ReportAll(runner_->NewJobs());
  runner_->NewJobs();
  EXPECT_FALSE(runner_->TakeMissingBlob(Search(0), std::string(32, 'x')));
  EXPECT_FALSE(runner_->TakeMissingBlob(Search(77), std::string(32, 'x')));
  EXPECT_THAT(runner_->NewJobs(), IsEmpty());
}

TEST_F(CampaignWeightsTest, OtherWeightsThanTheLostOnesAreRefused) {
  ReportAll(runner_->NewJobs());
  runner_->NewJobs();
  const std::string lost = FakeSeedWeights(campaign_)[0].ToBytes();
  for (int64_t n = 0; n < 4; ++n) runner_->TakeMissingBlob(Search(n), lost);
  v1::JobResult result = ResultOf(MakeBlob(-2));
  result.mutable_weights()->mutable_digest()->front() ^= 1;
  EXPECT_EQ(runner_->TakeResult(result).outcome, v1::RESULT_OUTCOME_REFUSED);
  EXPECT_TRUE(runner_->MakeJob(MakeBlob(-2)).ok()) << "it is still open";
}

TEST_F(CampaignWeightsTest, ChildrenOfWeightsThatCannotBeMadeAreGivenUp) {
  ReportAll(runner_->NewJobs());
  runner_->NewJobs();
  const std::string lost = FakeSeedWeights(campaign_)[0].ToBytes();
  ASSERT_TRUE(runner_->TakeMissingBlob(Search(0), lost) ||
              runner_->TakeMissingBlob(
                  Search(0), FakeSeedWeights(campaign_)[1].ToBytes()));
  const std::vector<JobKey> jobs = runner_->NewJobs();
  ASSERT_EQ(jobs.size(), 1u);
  runner_->Quarantine(jobs[0], "no worker can");
  EXPECT_EQ(runner_->applied(), 1);
  EXPECT_EQ(runner_->Snapshot().progress().quarantined(), 1);
}

TEST_F(CampaignWeightsTest, PinsWhatIsStillNeeded) {
  Store();
  EXPECT_THAT(runner_->PinnedBlobs(StoresAll), IsEmpty());
  ReportAll(runner_->NewJobs());
  const std::vector<Digest> seeds = FakeSeedWeights(campaign_);
  EXPECT_EQ(runner_->PinnedBlobs(StoresAll),
            std::set<Digest>(seeds.begin(), seeds.end()));
  const Digest early =
      FakeWeights(*Digest::FromBytes(ResultOf(Search(2)).genome_digest()));
  ASSERT_EQ(Report(Search(2)).outcome, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_THAT(runner_->PinnedBlobs(StoresAll), Contains(early))
      << "not applied yet";
  Finish();
  std::set<Digest> members;
  const v1::ExportHeader header = *runner_->MakeExportHeader();
  for (const v1::ArchiveSlot& slot : header.slots()) {
    members.insert(*Digest::FromBytes(slot.weights().digest()));
  }
  std::set<Digest> parents;
  for (const Digest& digest : runner_->PinnedBlobs(StoresAll)) {
    if (!members.contains(digest)) parents.insert(digest);
  }
  EXPECT_LE(parents.size(), 8u) << "parents of the four open proposals";
  const std::set<Digest> all = runner_->PinnedBlobs(StoresNothing);
  for (const auto& [n, record] : runner_->candidates()) {
    if (n < 0) {
      EXPECT_THAT(all, Contains(*Digest::FromBytes(record.weights().digest())))
          << "the root of all that must be made again";
    }
  }
  ASSERT_TRUE(runner_->ended());
}

// Some of them have left the archive since the child was drawn.
TEST_F(CampaignWeightsTest, PinsTheParentsOfEveryOpenProposal) {
  ReportAll(runner_->NewJobs());
  int dropped = 0;
  while (runner_->applied() < kEvaluations - 4) {
    const int64_t first = runner_->applied();
    for (int64_t n = first; n < first + 4; ++n) {
      const v1::Job job = *runner_->MakeJob(Search(n));
      for (const v1::WeightsRef& parent :
           {job.offspring().parent_a(), job.offspring().parent_b()}) {
        const Digest digest = *Digest::FromBytes(parent.digest());
        EXPECT_THAT(runner_->PinnedBlobs(StoresAll), Contains(digest));
        bool is_member = false;
        const v1::ExportHeader header = *runner_->MakeExportHeader();
        for (const v1::ArchiveSlot& slot : header.slots()) {
          is_member = is_member || slot.weights().digest() == parent.digest();
        }
        dropped += is_member ? 0 : 1;
      }
    }
    Report(Search(first));
  }
  EXPECT_GT(dropped, 0) << "or nothing is shown that members do not show";
}

TEST_F(CampaignWeightsTest, ACancelledCampaignPinsNothing) {
  ReportAll(runner_->NewJobs());
  EXPECT_THAT(runner_->PinnedBlobs(StoresAll), Not(IsEmpty()));
  ASSERT_TRUE(runner_->Cancel().ok());
  EXPECT_THAT(runner_->PinnedBlobs(StoresAll), IsEmpty());
}

TEST_F(CampaignWeightsTest, TheLogNamesTheWeightsAndTheirCoefficients) {
  ReportAll(runner_->NewJobs());
  ReportAll(runner_->NewJobs());
  const Batch batch = runner_->TakeBatch();
  int logged = 0;
  for (const Append& append : batch.appends) {
    if (append.list != ListCollection::kLog) continue;
    v1::LogEntry entry;
    ASSERT_TRUE(entry.ParseFromString(append.value));
    if (!entry.known_chunks().empty()) continue;
    ++logged;
    const Digest genome = *Digest::FromBytes(entry.proposal().genome_digest());
    EXPECT_EQ(entry.weights().digest(), FakeWeights(genome).ToBytes());
    const v1::ChromosomeCrossover& made = entry.proposal().chromosomes(0);
    EXPECT_EQ(made.before_b(), made.mix());
  }
  EXPECT_GT(logged, 0);
}

}  // namespace
}  // namespace merganser
