#include "client/cli/watch_view.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Palette kPlain = {.colours = false, .bold = false};
const absl::Time kTime = absl::UnixEpoch();

v1::Campaign TwoTasks() {
  v1::Campaign campaign;
  campaign.set_uid("u");
  campaign.set_name("both");
  campaign.set_state(v1::CAMPAIGN_STATE_RUNNING);
  v1::CampaignSpec& spec = *campaign.mutable_spec();
  for (const char* name : {"arithmetic", "strings"}) {
    v1::TaskSpec* const task = spec.add_tasks();
    task->set_name(name);
    task->mutable_search()->set_rows(4);
  }
  spec.add_seeds()->set_name("left");
  spec.add_seeds()->set_name("right");
  spec.mutable_search()->set_method("m2n2");
  spec.mutable_search()->set_population(3);
  spec.mutable_search()->set_alpha(1);
  spec.mutable_budget()->set_evaluations(1000);
  v1::Progress& progress = *campaign.mutable_progress();
  progress.set_evaluations(250);
  progress.set_accepted(12);
  progress.set_datapoint_evaluations(1500);
  progress.set_coverage(0.875);
  progress.set_entropy(0.5);
  progress.mutable_best()->set_candidate(7);
  progress.mutable_best()->set_search_accuracy(0.75);
  for (const char* name : {"arithmetic", "strings"}) {
    v1::TaskScore* const task = progress.mutable_best()->add_tasks();
    task->set_name(name);
    task->set_search_accuracy(0.75);
  }
  return campaign;
}

WatchState StateOf(const v1::Campaign& campaign) {
  WatchState state;
  state.TakeCampaign(campaign, kTime, kTime);
  v1::ExportHeader header;
  *header.mutable_campaign() = campaign;
  header.add_slots()->set_candidate(7);
  header.add_slots()->set_candidate(-2);
  auto archive = Archive::Create({.population = 3,
                                  .datapoints = 8,
                                  .task_weight = std::vector<uint32_t>(8, 1)});
  EXPECT_TRUE(archive.ok()) << archive.status();
  EXPECT_TRUE(
      archive->Restore(0, Member{7, Digest(), {1, 1, 1, 0, 1, 1, 1, 0}}).ok());
  EXPECT_TRUE(
      archive->Restore(1, Member{-2, Digest(), {1, 0, 0, 0, 0, 0, 0, 1}}).ok());
  state.TakeArchive(header, *std::move(archive), kTime);
  v1::Worker worker;
  worker.set_name("gpu-7");
  worker.set_session_id("s");
  worker.set_device_class("cpu-x");
  worker.set_executing_jobs(1);
  worker.set_leased_jobs(3);
  state.TakeWorkers({worker}, kTime);
  return state;
}

std::string Drawn(const WatchState& state, int width, int height) {
  Screen screen(width, height);
  DrawWatch(state, screen);
  return screen.Lines(kPlain);
}

TEST(WatchViewTest, AWideTerminalShowsEverything) {
  const std::string drawn = Drawn(StateOf(TwoTasks()), 120, 40);
  for (const char* text :
       {"both  running", "250/1,000  25.0 %", "best 0.7500", "mean 0.5000",
        "coverage 0.8750", "work saved 25.0 %", "arithmetic 0.7500",
        "archive: 2 members × 8 datapoints", "#7 ", "seed left", "workers: 1",
        "gpu-7", "1 of 3 jobs, 0 done", "best: candidate 7, 0.7500",
        "250 evaluations"}) {
    EXPECT_THAT(drawn, HasSubstr(text));
  }
}

// Of 8 datapoints each member holds: candidate 7 1/2 + 5 of 7 in all, the seed
// the rest.
TEST(WatchViewTest, AMemberHasItsScoreItsShareAndItsShades) {
  const std::string drawn = Drawn(StateOf(TwoTasks()), 120, 40);
  EXPECT_THAT(drawn, HasSubstr("#7          0.7500  78.6 %"));
  EXPECT_THAT(drawn, HasSubstr("seed left   0.2500  21.4 %"));
  EXPECT_THAT(drawn, HasSubstr("█"));
}

TEST(WatchViewTest, FitsEveryTerminal) {
  const WatchState state = StateOf(TwoTasks());
  for (const int width : {1, 2, 10, 20, 39, 40, 69, 70, 80, 160, 300}) {
    for (const int height : {1, 2, 3, 5, 8, 14, 24, 50, 100}) {
      const std::vector<std::string> lines =
          absl::StrSplit(Drawn(state, width, height), '\n');
      EXPECT_LE(lines.size(), static_cast<size_t>(height) + 1);
      for (const std::string& line : lines) {
        EXPECT_LE(ColumnsOf(line), width);
      }
    }
  }
}

TEST(WatchViewTest, BeforeTheSeedsAreEvaluatedThereIsNoScore) {
  v1::Campaign campaign = TwoTasks();
  campaign.mutable_progress()->Clear();
  campaign.set_state(v1::CAMPAIGN_STATE_PREPARING);
  WatchState state;
  state.TakeCampaign(campaign, kTime, kTime);
  EXPECT_THAT(Drawn(state, 80, 24),
              AllOf(HasSubstr("the seeds are being evaluated"),
                    HasSubstr("nothing yet"), Not(HasSubstr("best "))));
}

TEST(WatchViewTest, WhatKeepsItFromGoingOnStandsAbove) {
  v1::Campaign campaign = TwoTasks();
  campaign.add_conditions("no worker of its device class");
  WatchState state = StateOf(campaign);
  state.TakeContact(false, kTime);
  EXPECT_THAT(Drawn(state, 80, 24),
              HasSubstr("\n! the coordinator does not answer; no worker of its "
                        "device class\n"));
}

TEST(WatchViewTest, WorkersThatDoNotFitAreCounted) {
  WatchState state = StateOf(TwoTasks());
  std::vector<v1::Worker> workers(100);
  for (int i = 0; i < 100; ++i) workers[i].set_name(absl::StrCat("w", i));
  state.TakeWorkers(workers, kTime);
  const std::string drawn = Drawn(state, 80, 24);
  EXPECT_THAT(drawn, HasSubstr("workers: 100"));
  EXPECT_THAT(drawn, HasSubstr("… 96 more"));
}

TEST(WatchViewTest, ARefusedWorkerSaysWhy) {
  WatchState state = StateOf(TwoTasks());
  v1::Worker worker;
  worker.set_name("w");
  worker.add_refusals("another device class");
  state.TakeWorkers({worker}, kTime);
  EXPECT_THAT(Drawn(state, 120, 40),
              HasSubstr("w no work: another device class"));
}

TEST(WatchViewTest, ForeignTextCannotSteerTheTerminal) {
  v1::Campaign campaign = TwoTasks();
  campaign.set_message("\x1b[2Jgone");
  EXPECT_THAT(Drawn(StateOf(campaign), 80, 24),
              AllOf(HasSubstr("! ?[2Jgone"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace merganser
