#include "client/outputs/recorded_candidate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "client/embedded/temporary_folder.h"
#include "client/replay/synthetic_campaign.h"

namespace merganser {
namespace {

using testing::HasSubstr;

constexpr int64_t kEvaluations = 200;  // children from 150 on: rejected early
constexpr int64_t kQuarantined = 5;

class RecordedCandidateTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    auto campaign = MakeSyntheticCampaign(folder_->path(), kEvaluations);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    campaign_ = *std::move(campaign);
    auto writer = RecordWriter::Create(folder_->path() + "/record");
    ASSERT_TRUE(writer.ok()) << writer.status();
    ASSERT_TRUE(campaign_
                    .Export([&](v1::ExportCampaignResponse& part) {
                      return writer->Add(part);
                    })
                    .ok());
    ASSERT_TRUE(writer->Commit().ok());
  }

  absl::StatusOr<RecordedCandidate> Find(
      std::optional<int64_t> number,
      const std::function<bool()>& interrupted = {}) {
    auto record = RecordReader::Open(folder_->path() + "/record");
    if (!record.ok()) return record.status();
    return FindCandidate(**record, number, interrupted);
  }

  // How many search datapoints the record has scores of.
  static int64_t Known(const RecordedCandidate& candidate) {
    int64_t known = 0;
    for (const auto& task : candidate.scores) {
      known += std::count_if(task.begin(), task.end(), [](const auto& score) {
        return score.has_value();
      });
    }
    return known;
  }
  static int64_t All(const RecordedCandidate& candidate) {
    int64_t all = 0;
    for (const auto& task : candidate.scores) {
      all += static_cast<int64_t>(task.size());
    }
    return all;
  }

  std::optional<TemporaryFolder> folder_;
  SyntheticCampaign campaign_;
};

TEST_F(RecordedCandidateTest, ASeedIsARecipeInFileOrder) {
  const auto seed = Find(-2);
  ASSERT_TRUE(seed.ok()) << seed.status();
  EXPECT_TRUE(seed->replays);
  EXPECT_EQ(seed->recipe, SeedRecipe(0, 2, 1));
  EXPECT_EQ(Known(*seed), All(*seed));
  for (const auto& order : seed->orders) {
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  }
}

TEST_F(RecordedCandidateTest, AChildHasTheScoresOfTheLog) {
  constexpr int64_t kChild = 7;
  const auto child = Find(kChild);
  ASSERT_TRUE(child.ok()) << child.status();
  const v1::CampaignSpec& spec = campaign_.header.campaign().spec();
  ASSERT_EQ(child->scores.size(), static_cast<size_t>(spec.tasks_size()));
  // One bit per datapoint, task after task.
  const std::string& packed = campaign_.log[kChild].scores();
  size_t datapoint = 0;
  for (const auto& task : child->scores) {
    for (const auto& score : task) {
      const bool right = (packed[datapoint / 8] & (0x80 >> datapoint % 8)) != 0;
      ASSERT_TRUE(score.has_value());
      EXPECT_EQ(*score, right ? 1u << 20 : 0u) << datapoint;
      ++datapoint;
    }
  }
}

TEST_F(RecordedCandidateTest, AChildThatWasRejectedEarlyHasSomeScores) {
  int64_t rejected = 150;
  while (campaign_.log[rejected].known_chunks().empty()) ++rejected;
  const auto child = Find(rejected);
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_GT(Known(*child), 0);
  EXPECT_LT(Known(*child), All(*child));
  // Every datapoint is in the order once.
  for (std::vector<uint32_t> order : child->orders) {
    std::sort(order.begin(), order.end());
    for (size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], i);
  }
}

TEST_F(RecordedCandidateTest, TheBestIsMeantWithoutANumber) {
  const auto best = Find(std::nullopt);
  ASSERT_TRUE(best.ok()) << best.status();
  EXPECT_EQ(best->number,
            campaign_.header.campaign().progress().best().candidate());
}

TEST_F(RecordedCandidateTest, OneThatIsNotThereIsNotFound) {
  for (const int64_t number : {int64_t{-3}, kEvaluations, kQuarantined}) {
    const auto candidate = Find(number);
    EXPECT_EQ(candidate.status().code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(candidate.status().message()),
                HasSubstr("-2 … -1, or a child that was evaluated, 0 … 199"));
  }
}

TEST_F(RecordedCandidateTest, AnInterruptionEndsTheReplay) {
  EXPECT_EQ(Find(100, [] { return true; }).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace merganser
