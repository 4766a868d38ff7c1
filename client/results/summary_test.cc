#include "client/results/summary.h"

#include <nlohmann/json.hpp>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

v1::ExportHeader Header() {
  v1::ExportHeader header;
  v1::Campaign& campaign = *header.mutable_campaign();
  campaign.set_name("digits");
  campaign.set_uid("uid-1");
  campaign.mutable_spec()->mutable_search()->set_method("m2n2");
  campaign.mutable_spec()->mutable_budget()->set_evaluations(2000);
  campaign.set_state(v1::CAMPAIGN_STATE_COMPLETED);
  v1::Progress& progress = *campaign.mutable_progress();
  progress.set_evaluations(2000);
  progress.set_accepted(100);
  progress.set_quarantined(1);
  progress.set_conflicts(2);
  progress.set_datapoint_evaluations(3000);
  progress.set_rejected_early(1800);
  progress.set_parked(1790);
  progress.set_parked_confirmed(1777);
  campaign.mutable_spec()->add_tasks()->mutable_search()->set_rows(20);
  campaign.mutable_spec()->add_tasks()->mutable_search()->set_rows(5);
  progress.set_archive_digest(std::string(32, '\xab'));
  progress.set_coverage(0.75);
  progress.set_entropy(0.5);
  progress.set_active_seconds(8);
  progress.mutable_best()->set_candidate(1234);
  progress.mutable_best()->set_search_accuracy(0.625);
  progress.mutable_best()->set_holdout_accuracy(0.5);
  progress.mutable_best()->set_genome_digest(std::string(32, '\x01'));
  v1::SeedScore& seed = *progress.add_seeds();
  seed.set_name("first");
  seed.set_search_accuracy(0.25);
  v1::CurvePoint& point = *header.add_curve();
  point.set_evaluations(10);
  point.set_candidate(3);
  point.set_search_accuracy(0.3);
  return header;
}

TEST(SummaryTest, HasTheFieldsThatScriptsRelyOn) {
  const json page = json::parse(SummaryToJson(MakeSummary(Header(), 11.5)));
  EXPECT_EQ(page["state"], "COMPLETED");
  EXPECT_EQ(page["evaluations"], 2000);
  EXPECT_EQ(page["accepted"], 100);
  EXPECT_EQ(page["rejected_early"], 1800);
  EXPECT_EQ(page["parked"], 1790);
  EXPECT_EQ(page["parked_confirmed"], 1777);
  EXPECT_EQ(page["datapoint_evaluations"], 3000);
  EXPECT_EQ(page["datapoint_evaluations_possible"], 2000 * 25);
  std::string digest;
  for (int i = 0; i < 32; ++i) digest += "ab";
  EXPECT_EQ(page["archive_digest"], digest);
  EXPECT_EQ(page["best"]["candidate"], 1234);
  EXPECT_EQ(page["best"]["search_accuracy"], 0.625);
  EXPECT_EQ(page["best"]["holdout_accuracy"], 0.5);
  EXPECT_EQ(page["coverage"], 0.75);
  EXPECT_EQ(page["entropy"], 0.5);
  EXPECT_EQ(page["wall_seconds"], 11.5);
  EXPECT_EQ(page["evaluations_per_second"], 250);
  ASSERT_EQ(page["curve"].size(), 1u);
  EXPECT_EQ(page["curve"][0]["evaluations"], 10);
  EXPECT_EQ(page["curve"][0]["search_accuracy"], 0.3);
  EXPECT_TRUE(page["curve"][0]["holdout_accuracy"].is_null());
  EXPECT_EQ(page["seeds"][0]["name"], "first");
}

TEST(SummaryTest, TheWallTimeOfAnExportIsTheCampaignsOwn) {
  EXPECT_EQ(MakeSummary(Header(), std::nullopt).wall_seconds, 8);
}

TEST(SummaryTest, ACampaignWithoutTimeHasNoSpeed) {
  v1::ExportHeader header = Header();
  header.mutable_campaign()->mutable_progress()->set_active_seconds(0);
  EXPECT_EQ(MakeSummary(header, 1).evaluations_per_second, 0);
}

TEST(SummaryTest, ComesBackFromItsJson) {
  const std::string text = SummaryToJson(MakeSummary(Header(), 11.5));
  const auto summary = SummaryFromJson(text);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(SummaryToJson(*summary), text);
}

TEST(SummaryTest, ACampaignWithoutABestMemberComesBackToo) {
  v1::ExportHeader header = Header();
  header.mutable_campaign()->mutable_progress()->clear_best();
  const std::string text = SummaryToJson(MakeSummary(header, 11.5));
  const auto summary = SummaryFromJson(text);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_FALSE(summary->best.has_value());
  EXPECT_EQ(SummaryToJson(*summary), text);
}

TEST(SummaryTest, AFileFromBeforeEarlyRejectionCanBeRead) {
  json page = json::parse(SummaryToJson(MakeSummary(Header(), 11.5)));
  for (const char* field : {"rejected_early", "parked", "parked_confirmed",
                            "datapoint_evaluations_possible"}) {
    ASSERT_EQ(page.erase(field), 1u) << field;
  }
  const auto summary = SummaryFromJson(page.dump());
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->rejected_early, 0);
  EXPECT_EQ(summary->datapoint_evaluations, 3000);
}

TEST(SummaryTest, AFieldThatDoesNotFitIsNamed) {
  const json page = json::parse(SummaryToJson(MakeSummary(Header(), 11.5)));
  const auto message = [&](const json& patch) {
    json changed = page;
    changed.merge_patch(patch);
    return std::string(SummaryFromJson(changed.dump()).status().message());
  };
  EXPECT_EQ(message({{"evaluations", "many"}}),
            "evaluations: expected an integer");
  EXPECT_EQ(message({{"best", {{"search_accuracy", "good"}}}}),
            "best.search_accuracy: expected a number");
  EXPECT_EQ(message({{"curve", 3}}), "curve: expected a list");
  EXPECT_EQ(message({{"seeds", json::array({1})}}),
            "seeds[0].: expected an object");
  EXPECT_FALSE(SummaryFromJson("no JSON").ok());
}

}  // namespace
}  // namespace merganser
