#include "common/evolution/competition.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/evolution/evolution_testing.h"

namespace merganser {
namespace {

// Table entry z, seen as the worth of datapoint 0 among z solvers.
std::vector<uint64_t> Shares(int population, double alpha,
                             const std::vector<uint64_t>& loads) {
  const ArchiveOptions options =
      OptionsFor(ScoreKind::kBinary, population,
                 static_cast<int64_t>(loads.size()), alpha);
  return Competition::Create(options).value().Share(options, {}, loads).exact;
}

TEST(CompetitionTest, SharesAreFractionsOfTheLeastCommonMultiple) {
  EXPECT_EQ(Shares(4, 1, {0, 1, 2, 3, 4, 5}),
            (std::vector<uint64_t>{0, 60, 30, 20, 15, 12}));
  EXPECT_EQ(Shares(20, 1, {1, 19, 21}),
            (std::vector<uint64_t>{232792560, 12252240, 11085360}));
}

TEST(CompetitionTest, WithoutCompetitionEveryShareIsWhole) {
  EXPECT_EQ(Shares(4, 0, {0, 1, 2, 5}), (std::vector<uint64_t>{0, 60, 60, 60}));
}

// Expected: 60-digit decimal arithmetic, z = 1, 2, 3, 7, 21, 22.
TEST(CompetitionTest, OtherExponentsRoundToTheNearest) {
  const std::vector<uint64_t> loads = {1, 2, 3, 7, 21, 22};
  EXPECT_EQ(Shares(21, 1, loads),
            (std::vector<uint64_t>{68719476736, 34359738368, 22906492245,
                                   9817068105, 3272356035, 3123612579}));
  EXPECT_EQ(Shares(21, 0.5, loads),
            (std::vector<uint64_t>{68719476736, 48592008000, 39675208392,
                                   25973520810, 14995819231, 14651041668}));
  EXPECT_EQ(Shares(21, 2, loads),
            (std::vector<uint64_t>{68719476736, 17179869184, 7635497415,
                                   1402438301, 155826478, 141982390}));
  EXPECT_EQ(Shares(21, 1.7, loads),
            (std::vector<uint64_t>{68719476736, 21150899968, 10616312916,
                                   2514277309, 388424882, 358889941}));
}

TEST(CompetitionTest, RefusesSumsBeyond63Bits) {
  // 2^36 · z/z^0 for z = 1025: room for floor((2^63-1) / (2^36·1025)) = 130944
  // units of task weight.
  ArchiveOptions options = OptionsFor(ScoreKind::kBinary, 1024, 131, 0);
  options.task_weight.assign(131, 1000);
  options.task_weight.back() = 944;
  EXPECT_TRUE(Competition::Create(options).ok());
  options.task_weight.back() = 945;
  EXPECT_EQ(Competition::Create(options).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ArchiveOptionsTest, NamesTheSettingThatIsOutOfRange) {
  struct Case {
    std::string setting;
    void (*spoil)(ArchiveOptions&);
  };
  const std::vector<Case> cases = {
      {"population", [](ArchiveOptions& o) { o.population = 0; }},
      {"population", [](ArchiveOptions& o) { o.population = 1025; }},
      {"datapoints", [](ArchiveOptions& o) { o.datapoints = 0; }},
      {"alpha", [](ArchiveOptions& o) { o.alpha = -0.1; }},
      {"alpha", [](ArchiveOptions& o) { o.alpha = 0.0 / 0.0; }},
      {"alpha", [](ArchiveOptions& o) { o.alpha = 16.1; }},
      {"task_weight", [](ArchiveOptions& o) { o.task_weight.pop_back(); }},
      {"task_weight", [](ArchiveOptions& o) { o.task_weight[1] = 0; }},
      {"task_weight", [](ArchiveOptions& o) { o.task_weight[1] = 1001; }},
      {"subtract_worst", [](ArchiveOptions& o) { o.subtract_worst = true; }},
  };
  for (const Case& bad : cases) {
    ArchiveOptions options = OptionsFor(ScoreKind::kBinary, 3, 2, 1);
    EXPECT_TRUE(ValidateArchiveOptions(options).ok());
    bad.spoil(options);
    const absl::Status status = ValidateArchiveOptions(options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find(bad.setting), absl::string_view::npos)
        << status;
  }
}

}  // namespace
}  // namespace merganser
