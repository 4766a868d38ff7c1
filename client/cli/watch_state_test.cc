#include "client/cli/watch_state.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kTime = absl::UnixEpoch();

v1::Campaign Running(int64_t evaluations, int64_t best, double score) {
  v1::Campaign campaign;
  campaign.set_uid("u");
  campaign.set_state(v1::CAMPAIGN_STATE_RUNNING);
  campaign.mutable_spec()->add_seeds()->set_name("a");
  campaign.mutable_spec()->add_seeds()->set_name("b");
  campaign.mutable_progress()->set_evaluations(evaluations);
  campaign.mutable_progress()->mutable_best()->set_candidate(best);
  campaign.mutable_progress()->mutable_best()->set_search_accuracy(score);
  return campaign;
}

std::vector<std::string> Texts(const WatchState& state) {
  std::vector<std::string> texts;
  for (const WatchEvent& event : state.events()) texts.push_back(event.text);
  return texts;
}

v1::Worker Worker(const std::string& session, const std::string& name) {
  v1::Worker worker;
  worker.set_session_id(session);
  worker.set_name(name);
  return worker;
}

// Slots of a population of 3 with two datapoints; -9 = empty.
void TakeSlots(WatchState& state, int64_t evaluations,
               const std::vector<int64_t>& candidates) {
  v1::ExportHeader header;
  *header.mutable_campaign() = Running(evaluations, candidates[0], 1);
  auto archive = Archive::Create(
      {.population = 3, .datapoints = 2, .task_weight = {1, 1}});
  ASSERT_TRUE(archive.ok()) << archive.status();
  for (size_t i = 0; i < candidates.size(); ++i) {
    v1::ArchiveSlot* const slot = header.add_slots();
    if (candidates[i] == -9) continue;
    slot->set_candidate(candidates[i]);
    ASSERT_TRUE(archive
                    ->Restore(static_cast<int>(i),
                              Member{candidates[i], Digest(), {1, 0}})
                    .ok());
  }
  v1::CurvePoint* const point = header.add_curve();
  point->set_search_accuracy(0.25);
  state.TakeArchive(header, *std::move(archive), kTime);
}

TEST(WatchStateTest, TellsOfTheStateAndOfANewBest) {
  WatchState state;
  state.TakeCampaign(Running(0, -2, 0.5), kTime, kTime);
  state.TakeCampaign(Running(9, -2, 0.5), kTime, kTime);
  state.TakeCampaign(Running(10, 4, 0.75), kTime, kTime);
  EXPECT_THAT(Texts(state),
              ElementsAre("campaign running", "best: seed a, 0.5000",
                          "best: candidate 4, 0.7500"));
}

TEST(WatchStateTest, TellsOfConditionsWhenTheyComeAndGo) {
  WatchState state;
  v1::Campaign campaign = Running(0, -2, 0.5);
  state.TakeCampaign(campaign, kTime, kTime);
  campaign.add_conditions("no worker");
  state.TakeCampaign(campaign, kTime, kTime);
  state.TakeCampaign(campaign, kTime, kTime);
  campaign.clear_conditions();
  state.TakeCampaign(campaign, kTime, kTime);
  EXPECT_THAT(Texts(state),
              ElementsAre("campaign running", "best: seed a, 0.5000",
                          "no worker", "over: no worker"));
}

TEST(WatchStateTest, WorkersThatAreThereAtFirstAreNoNews) {
  WatchState state;
  state.TakeWorkers({Worker("1", "a"), Worker("2", "b")}, kTime);
  EXPECT_THAT(Texts(state), IsEmpty());
  state.TakeWorkers({Worker("2", "b"), Worker("3", "c")}, kTime);
  EXPECT_THAT(Texts(state),
              ElementsAre("worker c connected", "worker a is gone"));
}

TEST(WatchStateTest, TellsOfNewMembersButNotOfThoseThatWereThere) {
  WatchState state;
  state.TakeCampaign(Running(5, -2, 1), kTime, kTime);
  const size_t before = state.events().size();
  TakeSlots(state, 5, {-2, -1, -9});
  EXPECT_EQ(state.events().size(), before);
  TakeSlots(state, 6, {-2, -1, 5});
  EXPECT_EQ(state.events().back().text, "candidate 5 enters slot 2");
}

TEST(WatchStateTest, SamplesBeginWithTheCurveAndHaveTheMean) {
  WatchState state;
  state.TakeCampaign(Running(5, -2, 1), kTime, kTime);
  TakeSlots(state, 5, {-2, -1, -9});
  ASSERT_EQ(state.samples().size(), 2);
  EXPECT_EQ(state.samples()[0].evaluations, 0);
  EXPECT_EQ(state.samples()[0].best, 0.25);
  EXPECT_FALSE(state.samples()[0].mean.has_value());
  EXPECT_EQ(state.samples()[1].evaluations, 5);
  EXPECT_EQ(state.samples()[1].mean, 0.5);
}

TEST(WatchStateTest, SamplesAndEventsAreBounded) {
  WatchState state;
  for (int64_t n = 0; n < 20'000; ++n) {
    state.TakeCampaign(Running(n, n, 0.5), kTime, kTime);
  }
  EXPECT_LE(state.samples().size(), WatchState::kMostSamples);
  EXPECT_EQ(state.samples().back().evaluations, 19'999);
  EXPECT_EQ(state.events().size(), WatchState::kMostEvents);
}

TEST(WatchStateTest, TellsWhenTheCoordinatorIsAwayAndBack) {
  WatchState state;
  state.TakeContact(true, kTime);
  state.TakeContact(false, kTime);
  state.TakeContact(false, kTime);
  state.TakeContact(true, kTime);
  EXPECT_THAT(Texts(state), ElementsAre("the coordinator does not answer",
                                        "the coordinator answers again"));
}

}  // namespace
}  // namespace merganser
