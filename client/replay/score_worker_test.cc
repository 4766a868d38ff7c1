#include "client/replay/score_worker.h"

#include <cstdlib>
#include <optional>
#include <string>

#include "client/embedded/temporary_folder.h"
#include "client/replay/synthetic_campaign.h"
#include "common/storage/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;

constexpr char kDiesAt[] = "FAKE_SCORE_WORKER_DIES_AT";

class ScoreWorkerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    unsetenv(kDiesAt);
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    const auto campaign = MakeSyntheticCampaign(folder_->path(), 1);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    spec_ = campaign->header.campaign().spec();
    options_ = {.binary = MERGANSER_BINARY_DIR "/fake_score_worker",
                .spec_file = folder_->path() + "/spec.pb"};
    ASSERT_TRUE(
        WriteFileAtomically(options_.spec_file, spec_.SerializeAsString())
            .ok());
  }
  void TearDown() override { unsetenv(kDiesAt); }

  static v1::ScoreStreamRequest SeedJob(int64_t candidate) {
    v1::ScoreStreamRequest request;
    v1::Job& job = *request.mutable_job();
    job.mutable_key()->set_kind(v1::JOB_KIND_SEED);
    job.mutable_key()->set_candidate(candidate);
    job.set_genome_digest("some genome");
    job.set_layout_version(-1);
    return request;
  }

  std::optional<TemporaryFolder> folder_;
  v1::CampaignSpec spec_;
  ScoreWorker::Options options_;
};

TEST_F(ScoreWorkerTest, AnswersInTheOrderOfTheJobs) {
  auto worker = ScoreWorker::Start(options_);
  ASSERT_TRUE(worker.ok()) << worker.status();
  for (int64_t n = 0; n < 3; ++n) {
    ASSERT_TRUE((*worker)->Send(SeedJob(n)).ok());
  }
  const auto expected =
      SyntheticScores(spec_, "some genome", nullptr, /*holdout=*/false);
  for (int64_t n = 0; n < 3; ++n) {
    const auto response = (*worker)->Receive();
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->key().candidate(), n);
    ASSERT_EQ(response->chunks_size(), static_cast<int>(expected.size()));
    EXPECT_EQ(response->chunks(1).scores(), expected[1].scores());
  }
}

// Both pipes hold 64 KiB. If one side waited for the other to read, this would
// never end.
TEST_F(ScoreWorkerTest, FullPipesStopNobody) {
  constexpr int64_t kJobs = 20'000;
  auto worker = ScoreWorker::Start(options_);
  ASSERT_TRUE(worker.ok()) << worker.status();
  for (int64_t n = 0; n < kJobs; ++n) {
    ASSERT_TRUE((*worker)->Send(SeedJob(n)).ok());
  }
  for (int64_t n = 0; n < kJobs; ++n) {
    const auto response = (*worker)->Receive();
    ASSERT_TRUE(response.ok()) << response.status();
    ASSERT_EQ(response->key().candidate(), n);
  }
}

TEST_F(ScoreWorkerTest, TheEndOfTheWorkerIsAnError) {
  setenv(kDiesAt, "1", 1);
  auto worker = ScoreWorker::Start(options_);
  ASSERT_TRUE(worker.ok()) << worker.status();
  ASSERT_TRUE((*worker)->Send(SeedJob(0)).ok());
  ASSERT_TRUE((*worker)->Receive().ok());
  ASSERT_TRUE((*worker)->Send(SeedJob(1)).ok());
  EXPECT_THAT(std::string((*worker)->Receive().status().message()),
              HasSubstr("exited with code 9"));
}

TEST_F(ScoreWorkerTest, ABinaryThatIsNotThereIsNamed) {
  options_.binary = "/nowhere/merganser-worker";
  EXPECT_THAT(std::string(ScoreWorker::Start(options_).status().message()),
              HasSubstr("/nowhere/merganser-worker"));
}

}  // namespace
}  // namespace merganser
