#include "client/results/curve_chart.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Summary TwoPoints() {
  Summary summary;
  summary.name = "a<b";
  summary.evaluations = 1000;
  summary.curve = {{0, -1, 0.5, 0.25, 0.75, 0.125},
                   {500, 42, 0.75, std::nullopt, 0.8, 0.25}};
  return summary;
}

TEST(CurveCsvTest, HasARowPerPointAndLeavesUnknownOnesEmpty) {
  EXPECT_EQ(CurveCsv(TwoPoints()),
            "evaluations,candidate,search_accuracy,holdout_accuracy,coverage,"
            "entropy\n"
            "0,-1,0.5,0.25,0.75,0.125\n"
            "500,42,0.75,,0.8,0.25\n");
}

// The plane is 712 x 348 pixels, its corner at (64, 404): accuracy 0.5 is at
// 404 - 174 = 230, 0.75 at 143, evaluation 500 of 1000 at 64 + 356 = 420.
TEST(CurveSvgTest, StepsFromPointToPointUpToTheLastEvaluation) {
  EXPECT_THAT(CurveSvg(TwoPoints()),
              HasSubstr("<path d=\"M64.0 230.0H420.0V143.0H776.0\""));
}

// 0.25 is at 404 - 87 = 317.
TEST(CurveSvgTest, APointWithoutHoldoutLeavesItsLineAsItWas) {
  EXPECT_THAT(CurveSvg(TwoPoints()),
              HasSubstr("<path d=\"M64.0 317.0H776.0\""));
}

TEST(CurveSvgTest, HasAxesLabelsAndLegendAndNothingActive) {
  const std::string svg = CurveSvg(TwoPoints());
  for (const char* text : {"evaluations", "search", "holdout", "100 %", "1000",
                           "a&lt;b: accuracy of the best member"}) {
    EXPECT_THAT(svg, HasSubstr(std::string(">") + text + "<")) << text;
  }
  EXPECT_THAT(svg, Not(HasSubstr("script")));
  EXPECT_THAT(svg, Not(HasSubstr("href")));
}

TEST(CurveSvgTest, WithoutHoldoutThereIsNoLegendForIt) {
  Summary summary = TwoPoints();
  summary.curve[0].holdout_accuracy.reset();
  EXPECT_THAT(CurveSvg(summary), Not(HasSubstr("holdout")));
}

TEST(CurveSvgTest, ACampaignWithoutEvaluationsIsAPictureToo) {
  const std::string svg = CurveSvg(Summary());
  EXPECT_THAT(svg, HasSubstr("</svg>"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace merganser
