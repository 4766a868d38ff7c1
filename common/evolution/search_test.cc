#include "common/evolution/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "common/evolution/evolution_testing.h"
#include "common/evolution/selection.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;

constexpr uint64_t kCampaignSeed = 42;
const std::vector<int64_t> kBlocks = {1000, 1, 7};

Archive SampleArchive(double alpha) {
  return ArchiveOf(
      OptionsFor(ScoreKind::kBinary, 4, 5, alpha),
      {{1, 1, 0, 0, 0}, {0, 1, 1, 1, 0}, {0, 0, 0, 1, 1}, {1, 0, 0, 0, 1}});
}

ProposalDraw Draw(const SearchOptions& options, int64_t n) {
  const std::unique_ptr<Search> search = CreateSearch(options).value();
  return search
      ->Propose(SampleArchive(EffectiveAlpha(options, 1)),
                DrawStream(kCampaignSeed, n), kBlocks)
      .value();
}

TEST(SearchTest, EachChromosomeHasItsOwnDraws) {
  for (int64_t n = 0; n < 100; ++n) {
    const DrawStream draws(kCampaignSeed, n);
    const ProposalDraw draw = Draw({}, n);
    EXPECT_EQ((Parents{draw.slot_a, draw.slot_b}),
              *DrawParents(SampleArchive(1), {}, draws));
    EXPECT_TRUE(draw.crossover);
    ASSERT_EQ(draw.split_blocks.size(), 3u);
    ASSERT_EQ(draw.mixes.size(), 3u);
    for (uint32_t c = 0; c < 3; ++c) {
      EXPECT_EQ(draw.split_blocks[c], static_cast<int64_t>(draws.Below(
                                          static_cast<uint64_t>(kBlocks[c]),
                                          DrawPurpose::kSplitPoint, c)));
      EXPECT_EQ(draw.mixes[c], draws.Unit(DrawPurpose::kMix, c));
    }
  }
}

TEST(SearchTest, TheMixStaysInsideItsRange) {
  SearchOptions options;
  options.mix_low = -0.3;
  options.mix_high = 1.3;
  double lowest = 2;
  double highest = -2;
  for (int64_t n = 0; n < 2000; ++n) {
    const double mix = Draw(options, n).mixes[0];
    lowest = std::min(lowest, mix);
    highest = std::max(highest, mix);
  }
  EXPECT_GE(lowest, -0.3);
  EXPECT_LT(lowest, -0.29);
  EXPECT_LT(highest, 1.3);
  EXPECT_GT(highest, 1.29);
}

TEST(SearchTest, TheMixNeverReachesItsUpperEndByRounding) {
  SearchOptions options;
  options.mix_low = 1;
  options.mix_high = std::nextafter(1.0, 2.0);
  for (int64_t n = 0; n < 200; ++n) EXPECT_EQ(Draw(options, n).mixes[0], 1);
  options.mix_high = 1;
  EXPECT_EQ(Draw(options, 0).mixes[0], 1);
}

TEST(SearchTest, WithoutASplitPointTheWholeChildLiesBeforeIt) {
  SearchOptions options;
  options.split_point = false;
  const ProposalDraw draw = Draw(options, 3);
  EXPECT_THAT(draw.split_blocks, ElementsAre(1000, 1, 7));
  EXPECT_EQ(draw.mixes, Draw({}, 3).mixes);
}

TEST(SearchTest, WithoutCrossoverTheChildIsParentA) {
  SearchOptions options;
  options.crossover = false;
  for (int64_t n = 0; n < 20; ++n) {
    const ProposalDraw draw = Draw(options, n);
    EXPECT_FALSE(draw.crossover);
    EXPECT_EQ(draw.slot_a, Draw({}, n).slot_a);
    EXPECT_EQ(draw.slot_b, draw.slot_a);
    EXPECT_THAT(draw.split_blocks, ElementsAre(1000, 1, 7));
    EXPECT_THAT(draw.mixes, ElementsAre(0, 0, 0));
  }
}

TEST(SearchTest, WithoutAttractionBIsDrawnAsAIs) {
  SearchOptions options;
  options.attraction = false;
  for (int64_t n = 0; n < 50; ++n) {
    const ProposalDraw draw = Draw(options, n);
    EXPECT_EQ((Parents{draw.slot_a, draw.slot_b}),
              *DrawParents(SampleArchive(1), {.attraction = false},
                           DrawStream(kCampaignSeed, n)));
  }
}

TEST(SearchTest, AGeneticAlgorithmHasNeitherCompetitionNorAttraction) {
  SearchOptions options;
  options.method = "ga";
  EXPECT_EQ(EffectiveAlpha(options, 1), 0);
  EXPECT_EQ(EffectiveAlpha({}, 1), 1);
  bool same = false;
  for (int64_t n = 0; n < 50; ++n) {
    const ProposalDraw draw = Draw(options, n);
    EXPECT_EQ((Parents{draw.slot_a, draw.slot_b}),
              *DrawParents(SampleArchive(0), {.attraction = false},
                           DrawStream(kCampaignSeed, n)));
    same |= draw.slot_a == draw.slot_b;
  }
  EXPECT_TRUE(same);
}

TEST(SearchTest, AGeneticAlgorithmRefusesAnArchiveWithCompetition) {
  SearchOptions options;
  options.method = "ga";
  const std::unique_ptr<Search> search = CreateSearch(options).value();
  Archive archive = SampleArchive(1);
  EXPECT_EQ(search->Propose(archive, DrawStream(1, 0), kBlocks).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(
      search->Apply(archive, MemberWith(9, {1, 1, 1, 1, 1})).status().code(),
      absl::StatusCode::kFailedPrecondition);
}

TEST(SearchTest, ApplyAddsToTheArchive) {
  const std::unique_ptr<Search> search = CreateSearch({}).value();
  Archive archive = SampleArchive(1);
  Archive same = archive;
  const Member child = MemberWith(9, {1, 1, 1, 1, 1});
  EXPECT_EQ(search->Apply(archive, child)->dropped_slot,
            same.Add(child)->dropped_slot);
  EXPECT_EQ(archive.digest(1), same.digest(1));
  EXPECT_FALSE(search->Apply(archive, MemberWith(10, {1})).ok());
}

TEST(SearchTest, RefusesWhatItCannotPropose) {
  const std::unique_ptr<Search> search = CreateSearch({}).value();
  const DrawStream draws(1, 0);
  const Archive archive = SampleArchive(1);
  EXPECT_EQ(search->Propose(archive, draws, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  const std::vector<int64_t> without_blocks = {3, 0};
  EXPECT_EQ(search->Propose(archive, draws, without_blocks).status().code(),
            absl::StatusCode::kInvalidArgument);
  const Archive empty = ArchiveOf(OptionsFor(ScoreKind::kBinary, 4, 5, 1), {});
  EXPECT_EQ(search->Propose(empty, draws, kBlocks).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(SearchTest, RefusesUnknownMethodsAndMixesOutOfRange) {
  SearchOptions options;
  options.method = "m2n3";
  EXPECT_EQ(CreateSearch(options).status().code(),
            absl::StatusCode::kInvalidArgument);
  const double kNaN = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::pair<double, double>> mixes = {
      {1, 0}, {-101, 1}, {0, 101}, {kNaN, 1}, {0, kNaN}};
  for (const auto& [low, high] : mixes) {
    SearchOptions bad;
    bad.mix_low = low;
    bad.mix_high = high;
    EXPECT_FALSE(CreateSearch(bad).ok()) << low << " " << high;
  }
}

}  // namespace
}  // namespace merganser
