// Campaigns that keep weights: whatever happens to workers, the coordinator and
// the blobs, the archive_digest is the one that is computed here.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/digest.h"
#include "tests/faults/faults_test.h"
#include "tests/faults/hash_campaign.h"
#include "tests/faults/test_cluster.h"

namespace merganser {
namespace {

constexpr char kName[] = "digits-scratch";
constexpr int kEvaluations = 1200;

v1::CampaignSpec Spec() { return HashScratchSpec(kEvaluations); }

const std::string& ExpectedDigest() {
  static const std::string& digest = *new std::string(ExpectedDigestOf(Spec()));
  return digest;
}

class ScratchFaultsTest : public FaultsTest {
 protected:
  ScratchFaultsTest() : FaultsTest(Spec(), ExpectedDigest()) {}

  std::string BlobsFolder() const {
    return cluster_.directory() + "/data/blobs";
  }
  int Blobs() const {
    int count = 0;
    for (const auto& file :
         std::filesystem::directory_iterator(BlobsFolder())) {
      count += file.is_regular_file() ? 1 : 0;
    }
    return count;
  }
  // Behind the coordinator's back. Some may be on their way meanwhile.
  void DeleteBlobs() {
    int deleted = 0;
    for (const auto& file :
         std::filesystem::directory_iterator(BlobsFolder())) {
      std::error_code ignored;
      deleted += std::filesystem::remove(file.path(), ignored) ? 1 : 0;
    }
    EXPECT_GT(deleted, 0);
  }
};

class ScratchWorkerCountTest : public ScratchFaultsTest,
                               public testing::WithParamInterface<int> {};

TEST_P(ScratchWorkerCountTest, EndsWithTheSameArchive) {
  Submit();
  StartWorkers(GetParam());
  EXPECT_GT(ExpectTheSameEnd().parked_confirmed(), 100);
}

INSTANTIATE_TEST_SUITE_P(Workers, ScratchWorkerCountTest,
                         testing::Values(1, 2, 5, 8));

TEST_F(ScratchFaultsTest, WithoutEarlyRejectionTheArchiveIsTheSame) {
  v1::CampaignSpec spec = Spec();
  spec.mutable_search()->set_early_rejection(false);
  Submit(spec);
  StartWorkers(2);
  EXPECT_EQ(ExpectTheSameEnd().parked(), 0);
}

TEST_F(ScratchFaultsTest, DealtOutToFourShardsTheArchiveIsTheSame) {
  v1::CampaignSpec spec = Spec();
  spec.mutable_schedule()->set_shards(4);
  Submit(spec);
  StartWorkers(3);
  cluster_.WaitForEvaluations(kName, 300);
  cluster_.worker("w1").Signal(SIGKILL);
  cluster_.WaitForEvaluations(kName, 600);
  cluster_.RestartCoordinator();
  ExpectTheSameEnd();
}

// New workers have nothing in their caches, and the coordinator has no blobs:
// all that is needed is made again, from the noise on.
TEST_F(ScratchFaultsTest, LostBlobsAreMadeAgain) {
  Submit();
  StartWorkers(2);
  for (const int evaluations : {300, 700}) {
    cluster_.WaitForEvaluations(kName, evaluations);
    for (const char* name : {"w0", "w1"}) {
      cluster_.worker(name).Signal(SIGKILL);
    }
    DeleteBlobs();
    StartWorkers(2);
  }
  ExpectTheSameEnd();
}

TEST_F(ScratchFaultsTest, BlobsLostWithTheCoordinatorAreMadeAgain) {
  Submit();
  StartWorkers(2);
  cluster_.WaitForEvaluations(kName, 300);
  cluster_.coordinator().Signal(SIGKILL);
  DeleteBlobs();
  cluster_.worker("w0").Signal(SIGKILL);
  cluster_.RestartCoordinator();
  cluster_.StartWorker("late", {kDelay});
  ExpectTheSameEnd();
}

TEST_F(ScratchFaultsTest, ParkedChildrenThatAreNotConfirmedAreResumed) {
  Submit();
  for (const char* name : {"w0", "w1"}) {
    cluster_.StartWorker(name, {kDelay, "--park-percent=60"});
  }
  cluster_.WaitForEvaluations(kName, 300);
  cluster_.RestartCoordinator();
  cluster_.WaitForEvaluations(kName, 600);
  cluster_.worker("w1").Signal(SIGKILL);
  const v1::Progress progress = ExpectTheSameEnd();
  EXPECT_GT(progress.parked() - progress.parked_confirmed(),
            progress.parked() * 3 / 10);
}

TEST_F(ScratchFaultsTest, EverythingKilledAtOnceGoesOn) {
  Submit();
  StartWorkers(2);
  cluster_.WaitForEvaluations(kName, 400);
  for (const char* name : {"w0", "w1"}) cluster_.worker(name).Signal(SIGKILL);
  cluster_.coordinator().Signal(SIGKILL);
  cluster_.redis().Kill();
  ASSERT_TRUE(cluster_.redis().Restart().ok());
  cluster_.RestartCoordinator();
  StartWorkers(2);
  ExpectTheSameEnd();
  // What nobody needs is collected some time; what the archive holds is there.
  EXPECT_GE(Blobs(), 20);
}

}  // namespace
}  // namespace merganser
