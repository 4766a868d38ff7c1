#include "client/replay/rescore.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "client/embedded/temporary_folder.h"
#include "client/replay/replay_testing.h"
#include "client/replay/synthetic_campaign.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;

// Answers when it is asked for an answer, as late as a worker may; remembers
// how many jobs were under way.
class FakeScorer : public Scorer {
 public:
  // `blobs` is where the weights of parents must be; empty: there are none.
  explicit FakeScorer(v1::CampaignSpec spec, std::string blobs = "")
      : spec_(std::move(spec)), blobs_(std::move(blobs)) {}

  absl::Status Send(const v1::ScoreStreamRequest& request) override {
    if (request.has_layout()) {
      layouts_[request.layout().version()] = request.layout();
      return absl::OkStatus();
    }
    waiting_.push_back(request.job());
    most_waiting = std::max(most_waiting, waiting_.size());
    return absl::OkStatus();
  }

  absl::StatusOr<v1::ScoreStreamResponse> Receive() override {
    if (waiting_.empty()) return absl::InternalError("nothing to receive");
    const v1::Job job = std::move(waiting_.front());
    waiting_.pop_front();
    v1::ScoreStreamResponse response = Answer(job);
    if (edit) edit(response);
    return response;
  }

  std::function<void(v1::ScoreStreamResponse&)> edit;
  size_t most_waiting = 0;

 private:
  bool Has(const v1::WeightsRef& ref) const {
    std::error_code missing;
    return std::filesystem::file_size(
               blobs_ + "/" + absl::BytesToHexString(ref.digest()), missing) ==
           static_cast<uintmax_t>(ref.size_bytes());
  }

  v1::ScoreStreamResponse Answer(const v1::Job& job) {
    v1::ScoreStreamResponse response;
    *response.mutable_key() = job.key();
    if ((job.has_offspring() && !(Has(job.offspring().parent_a()) &&
                                  Has(job.offspring().parent_b()))) ||
        (job.has_weights() && !Has(job.weights()))) {
      response.set_error("weights are missing");
      return response;
    }
    const v1::ChunkLayout* layout =
        job.layout_version() < 0 ? nullptr : &layouts_.at(job.layout_version());
    for (auto& chunk : SyntheticScores(spec_, job, layout)) {
      *response.add_chunks() = std::move(chunk);
    }
    return response;
  }

  v1::CampaignSpec spec_;
  std::string blobs_;
  std::map<int64_t, v1::ChunkLayout> layouts_;
  std::deque<v1::Job> waiting_;
};

class RescoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    auto campaign = MakeSyntheticCampaign(folder_->path(), 300);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    campaign_ = *std::move(campaign);
    scorer_ = std::make_unique<FakeScorer>(campaign_.header.campaign().spec());
    rescorer_ = std::make_unique<Rescorer>(*scorer_, differences_, 16);
  }

  absl::StatusOr<ReplayOutcome> ReplayAndRescore() {
    auto outcome = ReplaySynthetic(campaign_, folder_->path() + "/record",
                                   rescorer_.get(), differences_);
    if (!outcome.ok()) return outcome;
    if (const auto status = rescorer_->Finish(); !status.ok()) return status;
    return outcome;
  }

  std::optional<TemporaryFolder> folder_;
  SyntheticCampaign campaign_;
  DifferenceList differences_;
  std::unique_ptr<FakeScorer> scorer_;
  std::unique_ptr<Rescorer> rescorer_;
};

TEST_F(RescoreTest, AllScoresAreComputedAgainInAllLayouts) {
  const auto outcome = ReplayAndRescore();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(differences_.empty()) << differences_.first()[0].ToString();
  // 300 children less one that was quarantined, and two seeds.
  EXPECT_EQ(rescorer_->rescored(), 301);
  EXPECT_LE(scorer_->most_waiting, 16u);
}

TEST_F(RescoreTest, OnlyAcceptedLeavesOutTheOthers) {
  rescorer_->OnlyAccepted();
  ASSERT_TRUE(ReplayAndRescore().ok());
  EXPECT_EQ(rescorer_->rescored(),
            2 + campaign_.header.campaign().progress().accepted());
}

TEST_F(RescoreTest, AScoreThatIsOtherwiseNowIsFound) {
  scorer_->edit = [](v1::ScoreStreamResponse& response) {
    if (response.key().candidate() != 70) return;
    // Chunk 2 of task 0 has 8 datapoints, in layout order.
    std::string& scores = *response.mutable_chunks(2)->mutable_scores();
    scores[0] = static_cast<char>(scores[0] ^ 1);
  };
  ASSERT_TRUE(ReplayAndRescore().ok());
  ASSERT_EQ(differences_.count(), 1);
  EXPECT_THAT(differences_.first()[0].ToString(),
              HasSubstr("log entry 70: scores: expected those of a new "
                        "evaluation; found 1 of them otherwise"));
}

TEST_F(RescoreTest, AJobThatFailsIsAnError) {
  scorer_->edit = [](v1::ScoreStreamResponse& response) {
    if (response.key().candidate() == 70) response.set_error("out of memory");
  };
  EXPECT_EQ(ReplayAndRescore().status().message(),
            "log entry 70: cannot be evaluated again: out of memory");
}

TEST_F(RescoreTest, AnAnswerWithAChunkTooFewIsAnError) {
  scorer_->edit = [](v1::ScoreStreamResponse& response) {
    if (response.key().candidate() == 70) {
      response.mutable_chunks()->RemoveLast();
    }
  };
  EXPECT_THAT(std::string(ReplayAndRescore().status().message()),
              HasSubstr("lacks 1 chunks"));
}

TEST_F(RescoreTest, TheHoldoutAccuracyIsComparedBitForBit) {
  const auto outcome = ReplayAndRescore();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const double accuracy =
      campaign_.header.campaign().progress().best().holdout_accuracy();
  const Winner& winner = outcome->winner;
  for (const double claimed : {accuracy, accuracy + 0.1}) {
    ASSERT_TRUE(rescorer_->CheckHoldout("best", winner, claimed).ok());
  }
  ASSERT_TRUE(rescorer_->Finish().ok());
  EXPECT_EQ(differences_.count(), 1);
}

// The same of a campaign that keeps weights.
class RescoreWeightsTest : public RescoreTest {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    auto campaign = MakeSyntheticWeightsCampaign(folder_->path(), 300);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    campaign_ = *std::move(campaign);
    auto blobs = ScorerBlobs::Open(blobs_folder());
    ASSERT_TRUE(blobs.ok()) << blobs.status();
    blobs_ = *std::move(blobs);
    scorer_ = std::make_unique<FakeScorer>(campaign_.header.campaign().spec(),
                                           blobs_folder());
    rescorer_ = std::make_unique<Rescorer>(*scorer_, differences_, 16);
    rescorer_->UseBlobs(*blobs_);
  }

  std::string blobs_folder() const { return folder_->path() + "/blobs"; }
  int64_t Files() const {
    const std::filesystem::directory_iterator files(blobs_folder());
    return std::distance(begin(files), end(files));
  }

  std::unique_ptr<ScorerBlobs> blobs_;
};

TEST_F(RescoreWeightsTest, WeightsAreThereAsLongAsTheyAreNeededAndNoLonger) {
  const auto outcome = ReplayAndRescore();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(differences_.empty()) << differences_.first()[0].ToString();
  EXPECT_EQ(rescorer_->rescored(), 302);
  for (const v1::ArchiveSlot& slot : campaign_.header.slots()) {
    EXPECT_TRUE(std::filesystem::exists(
        blobs_folder() + "/" +
        absl::BytesToHexString(slot.weights().digest())));
  }
  // The members, and the parents of eight open proposals.
  EXPECT_LE(Files(), 6 + 2 * 8);
  EXPECT_GT(3 + outcome->accepted, 6 + 2 * 8);
}

TEST_F(RescoreWeightsTest, TheWeightsThatAWorkerMakesAreCompared) {
  const v1::WeightsRef& recorded = campaign_.log[20].weights();
  ASSERT_EQ(recorded.digest().size(), 32u);
  for (const bool same : {true, false}) {
    scorer_->edit = [&](v1::ScoreStreamResponse& response) {
      if (response.key().candidate() != 20) return;
      *response.mutable_weights() = recorded;
      if (!same) response.mutable_weights()->set_digest(std::string(32, 'x'));
    };
    ASSERT_TRUE(ReplayAndRescore().ok());
    EXPECT_EQ(differences_.count(), same ? 0 : 1);
  }
  EXPECT_THAT(differences_.first()[0].ToString(),
              HasSubstr("log entry 20: weights that the worker made: "));
}

TEST_F(RescoreWeightsTest, TheHoldoutScoresOfTheWinnersWeightsAreCompared) {
  const auto outcome = ReplayAndRescore();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const double accuracy =
      campaign_.header.campaign().progress().best().holdout_accuracy();
  for (const double claimed : {accuracy, accuracy + 0.1}) {
    ASSERT_TRUE(rescorer_->CheckHoldout("best", outcome->winner, claimed).ok());
  }
  ASSERT_TRUE(rescorer_->Finish().ok());
  EXPECT_EQ(differences_.count(), 1);
}

}  // namespace
}  // namespace merganser
