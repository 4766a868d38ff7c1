#include "client/replay/rescore.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "client/embedded/temporary_folder.h"
#include "client/replay/synthetic_campaign.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;

// Answers at once; remembers how many jobs were under way.
class FakeScorer : public Scorer {
 public:
  explicit FakeScorer(v1::CampaignSpec spec) : spec_(std::move(spec)) {}

  absl::Status Send(const v1::ScoreStreamRequest& request) override {
    if (request.has_layout()) {
      layouts_[request.layout().version()] = request.layout();
      return absl::OkStatus();
    }
    const v1::Job& job = request.job();
    v1::ScoreStreamResponse response;
    *response.mutable_key() = job.key();
    const v1::ChunkLayout* layout =
        job.layout_version() < 0 ? nullptr : &layouts_.at(job.layout_version());
    for (auto& chunk : SyntheticScores(spec_, job, layout)) {
      *response.add_chunks() = std::move(chunk);
    }
    if (edit) edit(response);
    waiting_.push_back(std::move(response));
    most_waiting = std::max(most_waiting, waiting_.size());
    return absl::OkStatus();
  }

  absl::StatusOr<v1::ScoreStreamResponse> Receive() override {
    if (waiting_.empty()) return absl::InternalError("nothing to receive");
    v1::ScoreStreamResponse response = std::move(waiting_.front());
    waiting_.pop_front();
    return response;
  }

  std::function<void(v1::ScoreStreamResponse&)> edit;
  size_t most_waiting = 0;

 private:
  v1::CampaignSpec spec_;
  std::map<int64_t, v1::ChunkLayout> layouts_;
  std::deque<v1::ScoreStreamResponse> waiting_;
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
    auto writer = RecordWriter::Create(folder_->path() + "/record");
    if (!writer.ok()) return writer.status();
    const absl::Status exported = campaign_.Export(
        [&](v1::ExportCampaignResponse& part) { return writer->Add(part); });
    if (!exported.ok()) return exported;
    if (const auto status = writer->Commit(); !status.ok()) return status;
    auto reader = RecordReader::Open(folder_->path() + "/record");
    if (!reader.ok()) return reader.status();
    auto outcome = Replay(**reader, rescorer_.get(), nullptr, differences_);
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
    ASSERT_TRUE(rescorer_
                    ->CheckHoldout("best", winner.candidate, winner.recipe,
                                   winner.genome, claimed)
                    .ok());
  }
  ASSERT_TRUE(rescorer_->Finish().ok());
  EXPECT_EQ(differences_.count(), 1);
}

}  // namespace
}  // namespace merganser
