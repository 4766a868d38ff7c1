// The promise: kill, stop or restart anything at any moment, and an ordered
// campaign ends with the same archive_digest.
//
// Scores are hashes of (genome, the chunk's members in order, row), so that a
// wrong chunk layout or a wrong child changes everything; the expected digest
// is computed here, without any service.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/replay/replay.h"
#include "client/results/campaign_record.h"
#include "common/base/digest.h"
#include "common/genome/thread_team.h"
#include "tests/faults/faults_test.h"
#include "tests/faults/hash_campaign.h"
#include "tests/faults/test_cluster.h"

namespace merganser {
namespace {

constexpr char kName[] = "digits-pretrained";
constexpr int kEvaluations = 1500;

v1::CampaignSpec Spec() { return HashCampaignSpec(kEvaluations); }

// The digest that the campaign must end with.
const std::string& ExpectedDigest() {
  static const std::string& digest = *new std::string(ExpectedDigestOf(Spec()));
  return digest;
}

class CampaignFaultsTest : public FaultsTest {
 protected:
  CampaignFaultsTest() : FaultsTest(Spec(), ExpectedDigest()) {}
};

class WorkerCountTest : public CampaignFaultsTest,
                        public testing::WithParamInterface<int> {};

TEST_P(WorkerCountTest, EndsWithTheSameArchive) {
  Submit();
  StartWorkers(GetParam());
  const v1::Progress progress = ExpectTheSameEnd();
  // By the archive that they were sent, which is mostly the true one.
  EXPECT_GT(progress.parked(), 500);
  EXPECT_GT(progress.parked_confirmed(), progress.parked() / 2);
}

INSTANTIATE_TEST_SUITE_P(Workers, WorkerCountTest, testing::Values(1, 2, 5, 8));

// From a base, with noise on coefficients and two chromosomes; the coordinator
// takes it up again in the middle, from parents and noise.
class BaseFaultsTest : public FaultsTest,
                       public testing::WithParamInterface<int> {
 protected:
  BaseFaultsTest() : BaseFaultsTest(MakeFolder()) {}
  explicit BaseFaultsTest(const std::string& folder)
      : BaseFaultsTest(folder, HashBaseSpec(600, folder)) {}
  BaseFaultsTest(std::string folder, const v1::CampaignSpec& spec)
      : FaultsTest(spec, ExpectedDigestOf(spec)), folder_(std::move(folder)) {}
  ~BaseFaultsTest() override { std::filesystem::remove_all(folder_); }

 private:
  static std::string MakeFolder() {
    char folder[] = "/tmp/merganser_base_XXXXXX";
    return mkdtemp(folder);
  }

  const std::string folder_;
};

TEST_P(BaseFaultsTest, EndsWithTheSameArchive) {
  Submit();
  StartWorkers(GetParam());
  cluster_.WaitForEvaluations(kName, 200);
  cluster_.RestartCoordinator();
  ExpectTheSameEnd();
}

INSTANTIATE_TEST_SUITE_P(Workers, BaseFaultsTest, testing::Values(1, 2));

// Neither changes the outcome.
TEST_F(CampaignFaultsTest, WithoutEarlyRejectionTheArchiveIsTheSame) {
  v1::CampaignSpec spec = Spec();
  spec.mutable_search()->set_early_rejection(false);
  Submit(spec);
  StartWorkers(2);
  const v1::Progress progress = ExpectTheSameEnd();
  EXPECT_EQ(progress.parked(), 0);
  EXPECT_EQ(progress.rejected_early(), 0);
}

TEST_F(CampaignFaultsTest, DealtOutToFourShardsTheArchiveIsTheSame) {
  v1::CampaignSpec spec = Spec();
  spec.mutable_schedule()->set_shards(4);
  Submit(spec);
  StartWorkers(3);
  cluster_.WaitForEvaluations(kName, 300);
  cluster_.worker("w1").Signal(SIGKILL);
  cluster_.WaitForEvaluations(kName, 600);
  cluster_.RestartCoordinator();
  EXPECT_GT(ExpectTheSameEnd().rejected_early(), 0);
}

// Workers park children that the archive would not reject, so that the rest of
// them has to be asked for.
TEST_F(CampaignFaultsTest, ParkedChildrenThatAreNotConfirmedAreResumed) {
  for (const int shards : {1, 4}) {
    SCOPED_TRACE(shards);
    v1::CampaignSpec spec = Spec();
    spec.set_name(absl::StrCat("shards-", shards));
    spec.mutable_schedule()->set_shards(shards);
    const auto campaign = cluster_.client().CreateCampaign(spec, spec.name());
    ASSERT_TRUE(campaign.ok()) << campaign.status();
  }
  for (const char* name : {"w0", "w1"}) {
    cluster_.StartWorker(name, {kDelay, "--park-percent=60"});
  }
  cluster_.WaitForEvaluations("shards-1", 300);
  cluster_.RestartCoordinator();
  cluster_.WaitForEvaluations("shards-1", 600);
  cluster_.worker("w1").Signal(SIGKILL);
  for (const char* name : {"shards-1", "shards-4"}) {
    const v1::Progress progress = ExpectTheSameEnd(name);
    const auto parked = static_cast<double>(progress.parked());
    const auto resumed =
        parked - static_cast<double>(progress.parked_confirmed());
    EXPECT_GT(parked, 100);
    EXPECT_GT(resumed / parked, 0.3);
  }
}

TEST_F(CampaignFaultsTest, AKilledWorkerChangesNothing) {
  Submit();
  StartWorkers(3);
  cluster_.WaitForEvaluations(kName, 300);
  cluster_.worker("w1").Signal(SIGKILL);
  cluster_.WaitForEvaluations(kName, 600);
  cluster_.StartWorker("late", {kDelay});
  ExpectTheSameEnd();
}

TEST_F(CampaignFaultsTest, AWorkerThatHungReportsLateAndChangesNothing) {
  Submit();
  StartWorkers(2);
  cluster_.WaitForEvaluations(kName, 300);
  cluster_.worker("w0").Signal(SIGSTOP);
  // It is lost after a second, its jobs go to the other one.
  cluster_.WaitForEvaluations(kName, 700);
  cluster_.worker("w0").Signal(SIGCONT);
  ExpectTheSameEnd();
}

TEST_F(CampaignFaultsTest, AWorkerThatDrainsHandsItsJobsBack) {
  Submit();
  StartWorkers(2);
  cluster_.WaitForEvaluations(kName, 300);
  cluster_.worker("w0").Signal(SIGTERM);
  const ProcessEnd end = cluster_.worker("w0").Wait();
  EXPECT_EQ(end.ToString(), "exited with code 0");
  ExpectTheSameEnd();
}

TEST_F(CampaignFaultsTest, AKilledCoordinatorComesBackWhereItWas) {
  Submit();
  StartWorkers(2);
  for (const int at : {200, 500, 900}) {
    cluster_.WaitForEvaluations(kName, at);
    cluster_.RestartCoordinator();
  }
  ExpectTheSameEnd();
}

TEST_F(CampaignFaultsTest, ACoordinatorThatIsStoppedInOrderExitsWithZero) {
  Submit();
  StartWorkers(2);
  cluster_.WaitForEvaluations(kName, 300);
  cluster_.coordinator().Signal(SIGTERM);
  EXPECT_EQ(cluster_.coordinator().Wait().ToString(), "exited with code 0");
  cluster_.RestartCoordinator();
  ExpectTheSameEnd();
}

TEST_F(CampaignFaultsTest, AKilledRedisComesBackWithEverythingAcknowledged) {
  Submit();
  StartWorkers(2);
  for (const int at : {200, 700}) {
    cluster_.WaitForEvaluations(kName, at);
    cluster_.redis().Kill();
    ASSERT_TRUE(cluster_.redis().Restart().ok());
  }
  ExpectTheSameEnd();
}

TEST_F(CampaignFaultsTest, ARedisThatHangsOnlyDelays) {
  Submit();
  StartWorkers(2);
  cluster_.WaitForEvaluations(kName, 300);
  cluster_.redis().Suspend();
  absl::SleepFor(absl::Seconds(2));
  cluster_.redis().Resume();
  ExpectTheSameEnd();
}

TEST_F(CampaignFaultsTest, EverythingDiesAtOnceAndComesBack) {
  Submit();
  StartWorkers(2);
  cluster_.WaitForEvaluations(kName, 400);
  cluster_.worker("w0").Signal(SIGKILL);
  cluster_.worker("w1").Signal(SIGKILL);
  cluster_.redis().Kill();
  cluster_.coordinator().Signal(SIGKILL);
  ASSERT_TRUE(cluster_.redis().Restart().ok());
  cluster_.RestartCoordinator();
  StartWorkers(2);
  ExpectTheSameEnd();
}

TEST_F(CampaignFaultsTest, ACandidateThatFailsEverywhereIsQuarantined) {
  Submit();
  for (const char* name : {"a", "b"}) {
    cluster_.StartWorker(name, {"--fail-candidate=37"});
  }
  const v1::Campaign campaign = cluster_.WaitForTheEnd(kName);
  EXPECT_EQ(campaign.state(), v1::CAMPAIGN_STATE_COMPLETED);
  EXPECT_EQ(campaign.progress().quarantined(), 1);
  std::string error;
  ASSERT_TRUE(cluster_.client()
                  .Export(kName, /*without_log=*/false,
                          [&](v1::ExportCampaignResponse& part) {
                            for (const auto& entry : part.log().entries()) {
                              if (entry.proposal().candidate() == 37) {
                                error = entry.quarantine_error();
                              }
                            }
                            return absl::OkStatus();
                          })
                  .ok());
  EXPECT_THAT(error, testing::HasSubstr("meant to fail"));
}

TEST_F(CampaignFaultsTest, SeveralCampaignsAreServedSideBySide) {
  for (const char* name : {"one", "two", "three"}) {
    v1::CampaignSpec spec = Spec();
    spec.set_name(name);
    ASSERT_TRUE(cluster_.client().CreateCampaign(spec, name).ok());
  }
  StartWorkers(2);
  // Served fairly: none waits until another has ended.
  for (const char* name : {"one", "two", "three"}) {
    cluster_.WaitForEvaluations(name, 200);
  }
  EXPECT_LT(cluster_.client().GetCampaign("one")->progress().evaluations(),
            kEvaluations);
  for (const char* name : {"one", "two", "three"}) {
    const v1::Campaign campaign = cluster_.WaitForTheEnd(name);
    EXPECT_EQ(Digest::FromBytes(campaign.progress().archive_digest())->ToHex(),
              ExpectedDigest());
  }
}

TEST_F(CampaignFaultsTest, PauseStopsItAndResumeGoesOn) {
  Submit();
  StartWorkers(2);
  cluster_.WaitForEvaluations(kName, 200);
  ASSERT_TRUE(cluster_.client().PauseCampaign(kName).ok());
  // What is under way still comes in: at most the window.
  const int64_t at_pause =
      cluster_.client().GetCampaign(kName)->progress().evaluations();
  cluster_.RestartCoordinator();
  const auto paused = cluster_.client().GetCampaign(kName);
  ASSERT_TRUE(paused.ok());
  EXPECT_EQ(paused->state(), v1::CAMPAIGN_STATE_PAUSED);
  EXPECT_LE(paused->progress().evaluations(), at_pause + 16);
  ASSERT_TRUE(cluster_.client().ResumeCampaign(kName).ok());
  ExpectTheSameEnd();
}

// Its outcome depends on the order in which results came; the log has it.
TEST_F(CampaignFaultsTest, TheLogOfAnAsyncCampaignGivesItsArchive) {
  v1::CampaignSpec spec = Spec();
  spec.mutable_schedule()->set_mode("async");
  Submit(spec);
  StartWorkers(3);
  cluster_.WaitForEvaluations(kName, 300);
  cluster_.worker("w1").Signal(SIGKILL);
  cluster_.WaitForEvaluations(kName, 600);
  cluster_.RestartCoordinator();
  const v1::Campaign campaign = cluster_.WaitForTheEnd(kName);
  EXPECT_EQ(campaign.progress().evaluations(), kEvaluations);
  const std::string folder = cluster_.directory() + "/record";
  auto writer = RecordWriter::Create(folder);
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE(cluster_.client()
                  .Export(kName, /*without_log=*/false,
                          [&](v1::ExportCampaignResponse& part) {
                            return writer->Add(part);
                          })
                  .ok());
  ASSERT_TRUE(writer->Commit().ok());
  const auto record = RecordReader::Open(folder);
  ASSERT_TRUE(record.ok()) << record.status();
  DifferenceList differences;
  ThreadTeam team(1);
  const auto replayed = Replay(**record, nullptr, nullptr, team, differences);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(differences.count(), 0);
  EXPECT_EQ(replayed->results, kEvaluations);
  EXPECT_EQ(replayed->archive_digest.ToBytes(),
            campaign.progress().archive_digest());
}

}  // namespace
}  // namespace merganser
