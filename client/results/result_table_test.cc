#include "client/results/result_table.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Summary Finished() {
  Summary summary;
  summary.name = "digits-pretrained";
  summary.method = "m2n2";
  summary.state = "COMPLETED";
  summary.evaluations = 10000;
  summary.accepted = 512;
  summary.wall_seconds = 41.23;
  summary.evaluations_per_second = 243.4;
  summary.coverage = 0.981;
  summary.entropy = 0.4;
  summary.archive_digest = "abcd";
  summary.best = {{9412, 0.7125, 0.6924, "ef"}};
  summary.seeds = {{"low", 0.501, 0.498}, {"high", 0.49, std::nullopt}};
  return summary;
}

TEST(ResultTableTest, SetsTheWinnerBesideTheSeedsAndThePaper) {
  EXPECT_EQ(ResultTable(Finished(), "/runs/digits", {"winner.safetensors"}),
            "\n"
            "digits-pretrained: completed, 10,000 evaluations (243 per "
            "second), 512 accepted; took 41.2 s\n"
            "\n"
            "                             search   holdout\n"
            "  winner (candidate 9412)    71.2 %    69.2 %\n"
            "  seed low                   50.1 %    49.8 %\n"
            "  seed high                  49.0 %         -\n"
            "  the paper's M2N2                -    68.3 %\n"
            "\n"
            "  coverage 98.1 %, entropy 0.400 bits\n"
            "  archive digest abcd\n"
            "\n"
            "  /runs/digits\n"
            "    winner.safetensors    the winner's weights\n");
}

TEST(ResultTableTest, ThePaperStandsBesideItsOwnCampaignAlone) {
  Summary other = Finished();
  other.name = "mine";
  EXPECT_FALSE(PaperHoldoutAccuracy(other).has_value());
  other = Finished();
  other.method = "ga";
  EXPECT_FALSE(PaperHoldoutAccuracy(other).has_value());
  other = Finished();
  other.evaluations = 9'999;
  EXPECT_FALSE(PaperHoldoutAccuracy(other).has_value());
  EXPECT_EQ(PaperHoldoutAccuracy(Finished()), 0.683);
}

TEST(ResultTableTest, TellsOfQuarantinedCandidatesAndConflictsIfThereAreAny) {
  EXPECT_THAT(ResultTable(Finished(), "", {}), Not(HasSubstr("given up")));
  Summary summary = Finished();
  summary.quarantined = 3;
  summary.conflicts = 2;
  const std::string table = ResultTable(summary, "", {});
  EXPECT_THAT(table, HasSubstr("3 candidates were given up"));
  EXPECT_THAT(table, HasSubstr("2 chunks were reported twice"));
}

}  // namespace
}  // namespace merganser
