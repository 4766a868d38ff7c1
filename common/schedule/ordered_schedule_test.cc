#include "common/schedule/ordered_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>

#include "common/base/random.h"
#include "common/genome/noise.h"
#include "common/schedule/testing/fake_campaign.h"

namespace merganser {
namespace {

FakeCampaign Campaign(int64_t window) {
  return MakeFakeCampaign(testing::TempDir(), window);
}

OrderedSchedule Started(const FakeCampaign& campaign) {
  auto schedule = OrderedSchedule::Create(campaign.options, campaign.gram);
  EXPECT_TRUE(schedule.ok()) << schedule.status();
  EXPECT_TRUE(schedule->Start(FakeSeedScores(campaign)).ok());
  return *std::move(schedule);
}

AppliedResult ApplyNext(OrderedSchedule& schedule) {
  const Digest genome = schedule.open().front().genome;
  auto result =
      schedule.Apply(schedule.open().front().candidate,
                     FakeScores(genome, schedule.archive().datapoints()));
  EXPECT_TRUE(result.ok()) << result.status();
  return *result;
}

// The definition, word for word: proposal n is drawn from the archive as it
// stands after results 0 … n-W, so all those archives are kept.
std::vector<std::pair<int64_t, int64_t>> ParentsByDefinition(
    const FakeCampaign& campaign, int64_t results) {
  ArchiveOptions archive_options = campaign.options.archive;
  Archive archive = *Archive::Create(archive_options);
  const auto search = *CreateSearch(campaign.options.search);
  std::map<int64_t, LinearRecipe> recipes;
  const std::vector<int64_t> blocks = {
      campaign.options.layout.chromosomes[0].blocks};
  for (int k = 0; k < 2; ++k) {
    recipes[k - 2] = SeedRecipe(k, 2, 1);
    EXPECT_TRUE(
        search
            ->Apply(archive, {k - 2,
                              GenomeDigest(recipes[k - 2],
                                           campaign.options.seed_digests),
                              FakeSeedScores(campaign)[k]})
            .ok());
  }
  std::vector<Archive> history = {archive};
  std::vector<std::pair<int64_t, int64_t>> parents;
  for (int64_t n = 0; n < results; ++n) {
    const Archive& seen =
        history[std::max<int64_t>(0, n - campaign.options.window + 1)];
    const ProposalDraw draw = *search->Propose(
        seen, DrawStream(campaign.options.random_seed, n), blocks);
    const int64_t a = seen.slot(draw.slot_a)->sequence_number;
    const int64_t b = seen.slot(draw.slot_b)->sequence_number;
    parents.emplace_back(a, b);
    recipes[n] =
        Cross(recipes[a], recipes[b],
              CrossoverCoefficients(*campaign.gram, recipes[a], recipes[b],
                                    {draw.split_blocks, draw.mixes}));
    const Digest genome =
        GenomeDigest(recipes[n], campaign.options.seed_digests);
    EXPECT_TRUE(search
                    ->Apply(archive, {n, genome,
                                      FakeScores(genome, archive.datapoints())})
                    .ok());
    history.push_back(archive);
  }
  return parents;
}

class OrderedScheduleWindowTest : public testing::TestWithParam<int64_t> {};

TEST_P(OrderedScheduleWindowTest, DrawsFromTheArchiveThatTheDefinitionNames) {
  const FakeCampaign campaign = Campaign(GetParam());
  OrderedSchedule schedule = Started(campaign);
  std::vector<std::pair<int64_t, int64_t>> parents;
  for (int n = 0; n < 120; ++n) {
    const Proposal& proposal = schedule.open().front();
    EXPECT_EQ(proposal.candidate, n);
    parents.emplace_back(proposal.parent_a, proposal.parent_b);
    ApplyNext(schedule);
  }
  EXPECT_EQ(parents, ParentsByDefinition(campaign, 120));
}

INSTANTIATE_TEST_SUITE_P(Windows, OrderedScheduleWindowTest,
                         testing::Values(1, 2, 5, 32));

TEST(OrderedScheduleTest, KeepsTheWindowFull) {
  OrderedSchedule schedule = Started(Campaign(5));
  EXPECT_EQ(schedule.open().size(), 5u);
  ApplyNext(schedule);
  EXPECT_EQ(schedule.open().size(), 5u);
  EXPECT_EQ(schedule.open().front().candidate, 1);
  EXPECT_EQ(schedule.Find(0), nullptr);
  EXPECT_NE(schedule.Find(5), nullptr);
  EXPECT_EQ(schedule.Find(6), nullptr);
}

// Version v belongs to n with floor(max(0, n-W+1) / 256) = v.
TEST(OrderedScheduleTest, ChangesTheLayoutAfter256ResultsAndNotBefore) {
  OrderedSchedule schedule = Started(Campaign(3));
  while (schedule.applied() < 256) ApplyNext(schedule);
  EXPECT_EQ(schedule.Find(257)->layout_version, 0);
  EXPECT_EQ(schedule.Find(258)->layout_version, 1);
  EXPECT_NE(schedule.layout(0), nullptr);
  EXPECT_NE(schedule.layout(1), nullptr);
  while (schedule.applied() < 258) ApplyNext(schedule);
  EXPECT_EQ(schedule.layout(0), nullptr) << "no open proposal uses it";
}

TEST(OrderedScheduleTest, OrdersALayoutByNicheLoadThenIndex) {
  OrderedSchedule schedule = Started(Campaign(3));
  while (schedule.applied() < 256) ApplyNext(schedule);
  const std::vector<uint32_t>& order = *schedule.layout(1);
  const auto load = schedule.archive().niche_load();
  ASSERT_EQ(order.size(), 40u);
  for (size_t i = 1; i < order.size(); ++i) {
    EXPECT_LT(std::pair(load[order[i - 1]], order[i - 1]),
              std::pair(load[order[i]], order[i]));
  }
}

TEST(OrderedScheduleTest, GoesOnAfterRestoreAsIfNothingHadHappened) {
  const FakeCampaign campaign = Campaign(7);
  OrderedSchedule first = Started(campaign);
  while (first.applied() < 300) ApplyNext(first);

  OrderedSchedule second =
      *OrderedSchedule::Create(campaign.options, campaign.gram);
  std::vector<std::optional<StoredSlot>> slots;
  for (int i = 0; i < first.archive().population(); ++i) {
    slots.emplace_back();
    if (first.archive().slot(i).has_value()) {
      slots.back() = StoredSlot{*first.archive().slot(i), *first.recipe(i)};
    }
  }
  ASSERT_TRUE(second
                  .Restore(300, slots,
                           {first.open().begin(), first.open().end()},
                           first.layouts())
                  .ok());
  for (int i = 0; i < 300; ++i) {
    ApplyNext(first);
    ApplyNext(second);
  }
  EXPECT_EQ(first.archive_digest(), second.archive_digest());
  EXPECT_EQ(first.open().back().genome, second.open().back().genome);
}

TEST(OrderedScheduleTest, RefusesToRestoreWithAProposalMissing) {
  const FakeCampaign campaign = Campaign(7);
  OrderedSchedule first = Started(campaign);
  OrderedSchedule second =
      *OrderedSchedule::Create(campaign.options, campaign.gram);
  std::vector<Proposal> open(first.open().begin(), first.open().end());
  open.pop_back();
  const absl::Status status = second.Restore(
      0, std::vector<std::optional<StoredSlot>>(6), open, first.layouts());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

TEST(OrderedScheduleTest, DropsAQuarantinedProposalUnseen) {
  OrderedSchedule schedule = Started(Campaign(2));
  for (int i = 0; i < 20; ++i) ApplyNext(schedule);
  const auto fitness_before = schedule.archive().fitness();
  const auto result = schedule.Apply(schedule.applied(), std::nullopt);
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE(result->accepted);
  EXPECT_EQ(result->dropped_slot, 6);
  EXPECT_EQ(schedule.archive().fitness(), fitness_before);
  EXPECT_EQ(schedule.applied(), 21);
}

TEST(OrderedScheduleTest, LeavesEverythingAsItWasOnBadScores) {
  OrderedSchedule schedule = Started(Campaign(2));
  const Digest before = schedule.archive_digest();
  EXPECT_FALSE(
      schedule.Apply(schedule.applied(), std::vector<uint32_t>(39, 0)).ok());
  EXPECT_EQ(schedule.archive_digest(), before);
  EXPECT_EQ(schedule.open().front().candidate, 0);
}

TEST(OrderedScheduleTest, WithoutCrossoverEveryChildIsItsParent) {
  FakeCampaign campaign = Campaign(4);
  campaign.options.search.crossover = false;
  OrderedSchedule schedule = Started(campaign);
  for (int i = 0; i < 30; ++i) {
    const Proposal& proposal = schedule.open().front();
    EXPECT_TRUE(proposal.recipe == SeedRecipe(0, 2, 1) ||
                proposal.recipe == SeedRecipe(1, 2, 1));
    EXPECT_TRUE(proposal.coefficients.empty());
    ApplyNext(schedule);
  }
}

TEST(OrderedScheduleTest, RefusesTasksThatDoNotCoverTheDatapoints) {
  FakeCampaign campaign = Campaign(4);
  campaign.options.tasks = {{0, 39, 16}};
  EXPECT_EQ(
      OrderedSchedule::Create(campaign.options, campaign.gram).status().code(),
      absl::StatusCode::kInvalidArgument);
}

// All chunks known, none of them solved: hopeless once the archive is full.
TEST(OrderedScheduleTest, AppliesAChildThatItRejectsWithoutItsScores) {
  OrderedSchedule schedule = Started(Campaign(2));
  const auto nothing_solved = [&] {
    return ChunkAssembly(ScoreKind::kBinary, schedule.options().tasks,
                         schedule.file_order(), std::vector<uint32_t>(40, 0));
  };
  EXPECT_FALSE(schedule.Rejects(nothing_solved())) << "there are empty slots";
  EXPECT_EQ(schedule.ApplyRejected(0, nothing_solved()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(schedule.applied(), 0);
  while (schedule.archive().fitness().back().is_zero()) ApplyNext(schedule);
  const int64_t next = schedule.applied();
  const auto members = schedule.archive().fitness();
  EXPECT_TRUE(schedule.Rejects(nothing_solved()));
  const ChunkAssembly unknown(ScoreKind::kBinary, schedule.options().tasks,
                              schedule.file_order());
  EXPECT_FALSE(schedule.Rejects(unknown));
  EXPECT_EQ(schedule.ApplyRejected(next + 1, nothing_solved()).status().code(),
            absl::StatusCode::kFailedPrecondition)
      << "out of turn";
  const auto result = schedule.ApplyRejected(next, nothing_solved());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->accepted);
  EXPECT_EQ(result->dropped_slot, 6);
  EXPECT_EQ(schedule.archive().fitness(), members);
  EXPECT_EQ(schedule.open().front().candidate, next + 1);
}

// Whatever the order, proposal n is drawn when n - W + 1 results are applied,
// and a replay of that order gives the same archive.
TEST(OrderedScheduleTest, AsyncAppliesInAnyOrderAndReplaysIt) {
  FakeCampaign campaign = Campaign(5);
  campaign.options.async = true;
  OrderedSchedule schedule = Started(campaign);
  std::vector<int64_t> order;
  for (int i = 0; i < 100; ++i) {
    const auto& open = schedule.open();
    const Proposal& proposal = open[(i * 7) % open.size()];
    order.push_back(proposal.candidate);
    EXPECT_EQ(open.back().candidate, i + 4);
    ASSERT_TRUE(
        schedule
            .Apply(proposal.candidate,
                   FakeScores(proposal.genome, schedule.archive().datapoints()))
            .ok());
  }
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  EXPECT_FALSE(schedule.IsNext(order.back())) << "applied already";
  OrderedSchedule replay = Started(campaign);
  for (const int64_t n : order) {
    ASSERT_TRUE(replay
                    .Apply(n, FakeScores(replay.Find(n)->genome,
                                         replay.archive().datapoints()))
                    .ok());
  }
  EXPECT_EQ(replay.archive_digest(), schedule.archive_digest());
}

TEST(OrderedScheduleTest, AsyncGoesOnWhereItWasStored) {
  FakeCampaign campaign = Campaign(5);
  campaign.options.async = true;
  OrderedSchedule first = Started(campaign);
  const auto apply = [](OrderedSchedule& schedule, size_t place) {
    const Proposal& proposal = schedule.open()[place];
    ASSERT_TRUE(
        schedule
            .Apply(proposal.candidate,
                   FakeScores(proposal.genome, schedule.archive().datapoints()))
            .ok());
  };
  for (int i = 0; i < 40; ++i) apply(first, 3);
  std::vector<std::optional<StoredSlot>> slots(6);
  for (int i = 0; i < 6; ++i) {
    if (!first.archive().slot(i).has_value()) continue;
    slots[i] = StoredSlot{*first.archive().slot(i), *first.recipe(i)};
  }
  OrderedSchedule second =
      *OrderedSchedule::Create(campaign.options, campaign.gram);
  const absl::Status status = second.Restore(
      first.applied(), std::move(slots),
      {first.open().begin(), first.open().end()}, first.layouts());
  ASSERT_TRUE(status.ok()) << status;
  for (int i = 0; i < 40; ++i) {
    apply(first, i % 5);
    apply(second, i % 5);
  }
  EXPECT_EQ(first.archive_digest(), second.archive_digest());
}

// The recipe's coefficients of an element.
std::vector<double> CoefficientsOf(const LinearRecipe& recipe, int chromosome,
                                   int64_t element) {
  const auto& [starts, coefficients] = recipe.chromosomes[chromosome];
  const auto segment =
      std::upper_bound(starts.begin(), starts.end(), element) - starts.begin();
  const auto begin = coefficients.begin() + (segment - 1) * recipe.seeds;
  return {begin, begin + recipe.seeds};
}

// By the definition, coefficient by coefficient: those of the crossover, noise
// per layer group (here one in each chromosome), and what is missing to one for
// the base.
std::vector<double> ChildOfABase(const Proposal& child, const LinearRecipe& a,
                                 const LinearRecipe& b, int chromosome,
                                 int64_t element) {
  const ChromosomeCrossover& crossover = child.coefficients[chromosome];
  const SlerpCoefficients side =
      element < crossover.split ? crossover.before : crossover.after;
  const auto of_a = CoefficientsOf(a, chromosome, element);
  const auto of_b = CoefficientsOf(b, chromosome, element);
  std::vector<double> expected(3);
  for (uint32_t k = 0; k < 2; ++k) {
    const auto words =
        Philox4x32({static_cast<uint32_t>(child.candidate), 0,
                    7 + 256 * static_cast<uint32_t>(chromosome), k},
                   {7, 0});
    const double noise = 0.25 * StandardNormal(words[0]);
    expected[k] = side.a * of_a[k] + side.b * of_b[k];
    expected[k] += noise;
  }
  expected[2] = 1 - (expected[0] + expected[1]);
  return expected;
}

TEST(OrderedScheduleTest, FromABaseItBreedsTheChildrenOfTheDefinition) {
  const FakeCampaign campaign = MakeFakeBaseCampaign(testing::TempDir(), 5);
  OrderedSchedule schedule = Started(campaign);
  const std::vector<Digest> digests = {campaign.options.seed_digests[0],
                                       campaign.options.seed_digests[1],
                                       *campaign.options.base_digest};
  std::map<int64_t, LinearRecipe> recipes = {{-2, SeedRecipe(0, 3, 2)},
                                             {-1, SeedRecipe(1, 3, 2)}};
  EXPECT_EQ(schedule.archive().slot(0)->genome,
            GenomeDigest(recipes[-2], digests));
  int different = 0;
  for (int n = 0; n < 100; ++n) {
    const Proposal child = schedule.open().front();
    for (int c = 0; c < 2; ++c) {
      for (int64_t i = 0; i < child.coefficients[c].length; ++i) {
        ASSERT_EQ(CoefficientsOf(child.recipe, c, i),
                  ChildOfABase(child, recipes.at(child.parent_a),
                               recipes.at(child.parent_b), c, i));
      }
    }
    different += child.coefficients[0].before != child.coefficients[1].before;
    EXPECT_EQ(child.genome, GenomeDigest(child.recipe, digests));
    recipes[child.candidate] = child.recipe;
    ApplyNext(schedule);
  }
  EXPECT_EQ(different, 100) << "chromosomes with a mix and angle of their own";
}

TEST(OrderedScheduleTest, WithoutCrossoverAChildIsItsParentWithNoise) {
  FakeCampaign campaign = MakeFakeBaseCampaign(testing::TempDir(), 5);
  campaign.options.search.crossover = false;
  OrderedSchedule schedule = Started(campaign);
  const Proposal& child = schedule.open().front();
  EXPECT_TRUE(child.coefficients.empty());
  EXPECT_NE(child.recipe, SeedRecipe(0, 3, 2));
  const LinearRecipe parent =
      SeedRecipe(static_cast<int>(child.parent_a + 2), 3, 2);
  EXPECT_EQ(child.recipe,
            Mutate(parent, campaign.options.layout.chromosomes,
                   {.campaign_seed = 7, .sequence_number = 0, .sigma = 0.25},
                   Origin::kBase));
}

TEST(OrderedScheduleTest, RefusesNoiseOnCoefficientsThatIsNone) {
  FakeCampaign campaign = MakeFakeBaseCampaign(testing::TempDir(), 5);
  for (const double sigma : {-0.1, std::nan("")}) {
    campaign.options.coefficient_sigma = sigma;
    const auto schedule =
        OrderedSchedule::Create(campaign.options, campaign.gram);
    EXPECT_THAT(std::string(schedule.status().message()),
                testing::StartsWith("search.coefficient_mutation"));
  }
  FakeCampaign scratch = MakeFakeScratchCampaign(5);
  scratch.options.coefficient_sigma = 0.1;
  EXPECT_FALSE(OrderedSchedule::Create(scratch.options, nullptr).ok());
}

}  // namespace
}  // namespace merganser
