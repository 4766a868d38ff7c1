#include "client/cli/progress_line.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace merganser {
namespace {

constexpr absl::Time kStart = absl::UnixEpoch();

v1::Campaign Campaign(v1::CampaignState state, int64_t evaluations) {
  v1::Campaign campaign;
  campaign.set_name("digits");
  campaign.set_state(state);
  campaign.mutable_spec()->mutable_budget()->set_evaluations(10000);
  campaign.mutable_progress()->set_evaluations(evaluations);
  return campaign;
}

v1::Campaign WithBest(v1::Campaign campaign) {
  v1::BestCandidate& best = *campaign.mutable_progress()->mutable_best();
  best.set_search_accuracy(0.7125);
  best.set_holdout_accuracy(0.6833);
  campaign.mutable_progress()->set_coverage(0.95);
  return campaign;
}

constexpr auto kRunning = v1::CAMPAIGN_STATE_RUNNING;

TEST(ProgressLine, ShowsOnlyWhatIsKnown) {
  EXPECT_EQ(
      ProgressLine().Text(Campaign(v1::CAMPAIGN_STATE_PREPARING, 0), kStart),
      "digits preparing  0/10,000");
}

TEST(ProgressLine, ShowsRateAccuraciesCoverageAndTimeLeft) {
  ProgressLine line;
  line.Text(Campaign(kRunning, 1000), kStart);
  EXPECT_EQ(
      line.Text(WithBest(Campaign(kRunning, 3000)), kStart + absl::Seconds(2)),
      "digits running  3,000/10,000  1,000/s  best 0.7125, holdout "
      "0.6833  coverage 0.9500  7 s left");
}

TEST(ProgressLine, LeavesOutAHoldoutThatIsNotKnown) {
  v1::Campaign campaign = WithBest(Campaign(kRunning, 1));
  campaign.mutable_progress()->mutable_best()->clear_holdout_accuracy();
  EXPECT_EQ(ProgressLine().Text(campaign, kStart),
            "digits running  1/10,000  best 0.7125  coverage 0.9500");
}

TEST(ProgressLine, TheRateIsThatOfTheLastTenSeconds) {
  ProgressLine line;
  // 100 per second for 20 s, then 4 per second for 10 s.
  for (int second = 0; second <= 20; ++second) {
    line.Text(Campaign(kRunning, 100 * second), kStart + absl::Seconds(second));
  }
  std::string text;
  for (int second = 1; second <= 10; ++second) {
    text = line.Text(Campaign(kRunning, 2000 + 4 * second),
                     kStart + absl::Seconds(20 + second));
  }
  EXPECT_EQ(text, "digits running  2,040/10,000  4.0/s  33 min 10 s left");
}

TEST(ProgressLine, OneMomentGivesNoRate) {
  ProgressLine line;
  line.Text(Campaign(kRunning, 1), kStart);
  EXPECT_EQ(line.Text(Campaign(kRunning, 2),
                      kStart + absl::Milliseconds(200) - absl::Nanoseconds(1)),
            "digits running  2/10,000");
  EXPECT_EQ(line.Text(Campaign(kRunning, 2), kStart + absl::Milliseconds(200)),
            "digits running  2/10,000  5.0/s  33 min 20 s left");
}

TEST(ProgressLine, OnlyARunningCampaignHasARate) {
  ProgressLine line;
  line.Text(Campaign(kRunning, 1000), kStart);
  EXPECT_EQ(line.Text(Campaign(v1::CAMPAIGN_STATE_PAUSED, 3000),
                      kStart + absl::Seconds(2)),
            "digits paused  3,000/10,000");
}

TEST(ProgressLine, LongTimesAreInHours) {
  ProgressLine line;
  line.Text(Campaign(kRunning, 0), kStart);
  EXPECT_EQ(line.Text(Campaign(kRunning, 1), kStart + absl::Seconds(1)),
            "digits running  1/10,000  1.0/s  2 h 46 min left");
}

TEST(ProgressLine, ShowsWhatKeepsItFromAdvancing) {
  v1::Campaign campaign = Campaign(kRunning, 5);
  campaign.add_conditions("no worker for 60 s");
  campaign.set_message("so it is");
  EXPECT_EQ(ProgressLine().Text(campaign, kStart),
            "digits running  5/10,000  no worker for 60 s  so it is");
}

TEST(ProgressPrinter, RewritesALineOfATerminal) {
  std::ostringstream out;
  ProgressPrinter printer(out, {.terminal = true, .width = 14});
  printer.Show(Campaign(kRunning, 1), kStart);
  printer.Show(Campaign(kRunning, 2), kStart);
  printer.Finish();
  printer.Finish();
  EXPECT_EQ(out.str(), "\r\x1b[Kdigits runnin\r\x1b[Kdigits runnin\n");
}

TEST(ProgressPrinter, PrintsAPlainLineNowAndThen) {
  std::ostringstream out;
  ProgressPrinter printer(out, {.plain_interval = absl::Seconds(5)});
  const absl::Duration almost = absl::Seconds(5) - absl::Nanoseconds(1);
  printer.Show(Campaign(v1::CAMPAIGN_STATE_PAUSED, 1), kStart);
  printer.Show(Campaign(v1::CAMPAIGN_STATE_PAUSED, 2), kStart + almost);
  printer.Show(Campaign(v1::CAMPAIGN_STATE_PAUSED, 3),
               kStart + absl::Seconds(5));
  printer.Show(Campaign(v1::CAMPAIGN_STATE_COMPLETED, 4),
               kStart + absl::Seconds(5));
  printer.Finish();
  EXPECT_EQ(out.str(),
            "digits paused  1/10,000\n"
            "digits paused  3/10,000\n"
            "digits completed  4/10,000\n");
}

TEST(ProgressPrinter, SaysAtOnceWhatHoldsACampaignUp) {
  std::ostringstream out;
  ProgressPrinter printer(out, {.plain_interval = absl::Seconds(5)});
  v1::Campaign campaign = Campaign(v1::CAMPAIGN_STATE_PREPARING, 0);
  printer.Show(campaign, kStart);
  campaign.add_conditions("no worker is connected");
  printer.Show(campaign, kStart + absl::Seconds(1));
  printer.Show(campaign, kStart + absl::Seconds(2));
  EXPECT_EQ(out.str(),
            "digits preparing  0/10,000\n"
            "digits preparing  0/10,000  no worker is connected\n");
}

TEST(ProgressPrinter, AConditionThatCountsTheTimeIsSaidOnce) {
  std::ostringstream out;
  ProgressPrinter printer(out, {.plain_interval = absl::Seconds(5)});
  v1::Campaign campaign = Campaign(v1::CAMPAIGN_STATE_PREPARING, 0);
  campaign.add_conditions("no worker for 60 s");
  printer.Show(campaign, kStart);
  campaign.set_conditions(0, "no worker for 61 s");
  printer.Show(campaign, kStart + absl::Seconds(1));
  EXPECT_EQ(out.str(), "digits preparing  0/10,000  no worker for 60 s\n");
}

TEST(ProgressPrinter, ATerminalShowsAConditionInFullOnce) {
  std::ostringstream out;
  ProgressPrinter printer(out, {.terminal = true, .width = 14});
  v1::Campaign campaign = Campaign(v1::CAMPAIGN_STATE_PREPARING, 0);
  campaign.add_conditions("no worker can serve it: it is too large");
  printer.Show(campaign, kStart);
  printer.Show(campaign, kStart);
  EXPECT_EQ(out.str(),
            "\r\x1b[K  no worker can serve it: it is too large\n"
            "\r\x1b[Kdigits prepar\r\x1b[Kdigits prepar");
}

TEST(WithThousands, SetsThousandsApart) {
  EXPECT_EQ(WithThousands(0), "0");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(1000), "1,000");
  EXPECT_EQ(WithThousands(-100), "-100");
  EXPECT_EQ(WithThousands(-1234567), "-1,234,567");
}

}  // namespace
}  // namespace merganser
