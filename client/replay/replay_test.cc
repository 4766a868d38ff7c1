#include "client/replay/replay.h"

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/embedded/temporary_folder.h"
#include "client/replay/replay_testing.h"
#include "client/replay/synthetic_campaign.h"
#include "common/base/digest.h"
#include "common/evolution/scores.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kEvaluations = 300;  // beyond one version of the layout

class ReplayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    auto campaign = MakeSyntheticCampaign(folder_->path(), kEvaluations);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    campaign_ = *std::move(campaign);
  }

  absl::StatusOr<ReplayOutcome> ReplayCampaign() {
    return ReplaySynthetic(campaign_, folder_->path() + "/record", nullptr,
                           differences_);
  }

  // The first log entry of which the child was (not) accepted, from `from`.
  v1::LogEntry& Entry(bool accepted, size_t from = 0) {
    for (size_t n = from; n < campaign_.log.size(); ++n) {
      v1::LogEntry& entry = campaign_.log[n];
      const bool entered = entry.dropped_slot() < campaign_.header.slots_size();
      if (entered == accepted && !entry.scores().empty()) return entry;
    }
    ADD_FAILURE() << "the campaign has no such entry";
    return campaign_.log[0];
  }

  std::string First() const {
    return differences_.empty() ? "" : differences_.first()[0].ToString();
  }

  std::optional<TemporaryFolder> folder_;
  SyntheticCampaign campaign_;
  DifferenceList differences_;
};

std::string FlipBit(std::string scores, int datapoint) {
  scores[datapoint / 8] = static_cast<char>(
      static_cast<uint8_t>(scores[datapoint / 8]) ^ (0x80 >> datapoint % 8));
  return scores;
}

TEST_F(ReplayTest, AnUntouchedRecordHasNoDifferences) {
  const auto outcome = ReplayCampaign();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(differences_.empty()) << First();
  EXPECT_EQ(outcome->results, kEvaluations);
  EXPECT_EQ(outcome->quarantined, 1);
  EXPECT_EQ(outcome->archive_digest.ToBytes(),
            campaign_.header.campaign().progress().archive_digest());
  EXPECT_EQ(outcome->winner.candidate,
            campaign_.header.campaign().progress().best().candidate());
}

TEST_F(ReplayTest, TheSyntheticCampaignHasChildrenOfBothKinds) {
  EXPECT_GT(campaign_.header.campaign().progress().accepted(), 10);
  EXPECT_LT(campaign_.header.campaign().progress().accepted(),
            kEvaluations - 10);
}

TEST_F(ReplayTest, AScoreBitOfAnAcceptedChildIsFound) {
  v1::LogEntry& entry = Entry(/*accepted=*/true, 20);
  entry.set_scores(FlipBit(entry.scores(), 3));
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_THAT(First(), HasSubstr(absl::StrCat("log entry ",
                                              entry.proposal().candidate())));
}

TEST_F(ReplayTest, AScoreBitOfADroppedChildIsFound) {
  v1::LogEntry& entry = Entry(/*accepted=*/false, 20);
  entry.set_scores(FlipBit(entry.scores(), 3));
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_THAT(First(), HasSubstr(absl::StrCat(
                           "log entry ", entry.proposal().candidate(), ": ")));
}

TEST_F(ReplayTest, TwoSwappedResultsAreFound) {
  v1::LogEntry& a = campaign_.log[30];
  v1::LogEntry& b = campaign_.log[31];
  ASSERT_NE(a.scores(), b.scores());
  a.mutable_scores()->swap(*b.mutable_scores());
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_THAT(First(), HasSubstr("log entry 30: "));
}

TEST_F(ReplayTest, TwoSwappedEntriesAreFound) {
  campaign_.log[30].Swap(&campaign_.log[31]);
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_EQ(First(), "log entry 30: proposal.candidate: expected 30; found 31");
}

TEST_F(ReplayTest, AnEntryTooFewIsFound) {
  campaign_.log.pop_back();
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_EQ(First(), "header: progress.evaluations: expected 299; found 300");
}

TEST_F(ReplayTest, ScoresOfAnotherLengthEndTheReplay) {
  campaign_.log[30].mutable_scores()->pop_back();
  const auto outcome = ReplayCampaign();
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(outcome.status().message()),
              HasSubstr("log entry 30: scores: "));
}

// All scores of the known chunks but those of the last byte are made 1.
TEST_F(ReplayTest, AChildThatNeedNotHaveBeenRejectedIsFound) {
  int64_t n = 0;
  while (campaign_.log[n].known_chunks().empty()) ++n;
  std::string& scores = *campaign_.log[n].mutable_scores();
  std::fill(scores.begin(), scores.end() - 1, '\xff');
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_EQ(First(), absl::StrCat("log entry ", n,
                                  ": known_chunks: expected scores that prove "
                                  "that the child had to be dropped; found "
                                  "scores that do not"));
}

TEST_F(ReplayTest, KnownChunksThatDoNotFitTheirScoresEndTheReplay) {
  int64_t n = 0;
  while (campaign_.log[n].known_chunks().empty()) ++n;
  campaign_.log[n].mutable_scores()->push_back('\0');
  EXPECT_EQ(ReplayCampaign().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ReplayTest, OneMistakeDoesNotFillTheScreen) {
  for (v1::LogEntry& entry : campaign_.log) {
    entry.set_child_fitness(entry.child_fitness() + 1);
  }
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_EQ(differences_.count(), kEvaluations);
  EXPECT_EQ(differences_.first().size(), 20u);
}

// A change to a record, and the difference that must be the only one.
struct Change {
  std::string name;
  std::function<void(SyntheticCampaign&)> apply;
  std::string where_and_field;
};

class SingleChangeTest : public ReplayTest,
                         public ::testing::WithParamInterface<Change> {};

TEST_P(SingleChangeTest, IsFoundWhereItIs) {
  GetParam().apply(campaign_);
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_EQ(differences_.count(), 1);
  EXPECT_THAT(First(), HasSubstr(GetParam().where_and_field));
}

double NextAfter(double value) { return std::nextafter(value, 10.0); }

v1::ChromosomeCrossover& Crossover(SyntheticCampaign& campaign) {
  return *campaign.log[40].mutable_proposal()->mutable_chromosomes(0);
}

INSTANTIATE_TEST_SUITE_P(
    Changes, SingleChangeTest,
    ::testing::Values(
        Change{"Coefficient",
               [](SyntheticCampaign& c) {
                 Crossover(c).set_after_b(NextAfter(Crossover(c).after_b()));
               },
               "log entry 40: proposal.chromosomes[0].after_b: "},
        Change{"Mix",
               [](SyntheticCampaign& c) {
                 Crossover(c).set_mix(NextAfter(Crossover(c).mix()));
               },
               "log entry 40: proposal.chromosomes[0].mix: "},
        Change{"SplitBlock",
               [](SyntheticCampaign& c) {
                 Crossover(c).set_split_block(Crossover(c).split_block() + 1);
               },
               "log entry 40: proposal.chromosomes[0].split_block: "},
        Change{"Parent",
               [](SyntheticCampaign& c) {
                 v1::Proposal& p = *c.log[40].mutable_proposal();
                 p.set_parent_b(p.parent_b() + 1);
               },
               "log entry 40: proposal.parent_b: "},
        Change{"GenomeDigest",
               [](SyntheticCampaign& c) {
                 c.log[40].mutable_proposal()->set_genome_digest(
                     std::string(32, 'x'));
               },
               "log entry 40: proposal.genome_digest: "},
        Change{"LayoutVersion",
               [](SyntheticCampaign& c) {
                 c.log[290].mutable_proposal()->set_layout_version(0);
               },
               "log entry 290: proposal.layout_version: expected 1; found 0"},
        Change{"DroppedSlot",
               [](SyntheticCampaign& c) {
                 c.log[40].set_dropped_slot(c.log[40].dropped_slot() - 1);
               },
               "log entry 40: dropped_slot: "},
        Change{"ChildFitness",
               [](SyntheticCampaign& c) {
                 c.log[40].set_child_fitness(c.log[40].child_fitness() + 1);
               },
               "log entry 40: child_fitness: "},
        Change{"SlotScore",
               [](SyntheticCampaign& c) {
                 v1::ArchiveSlot& slot = *c.header.mutable_slots(2);
                 slot.set_scores(FlipBit(slot.scores(), 9));
               },
               "archive slot 2: scores: expected those of the log; found 1 of "
               "them otherwise, datapoint 9 first"},
        Change{"SlotRecipe",
               [](SyntheticCampaign& c) {
                 auto& chromosome = *c.header.mutable_slots(2)
                                         ->mutable_recipe()
                                         ->mutable_chromosomes(0);
                 chromosome.set_coefficients(
                     0, NextAfter(chromosome.coefficients(0)));
               },
               "archive slot 2: recipe: "},
        Change{"SlotCandidate",
               [](SyntheticCampaign& c) {
                 v1::ArchiveSlot& slot = *c.header.mutable_slots(2);
                 slot.set_candidate(slot.candidate() + 1);
               },
               "archive slot 2: candidate: "},
        Change{"ArchiveDigest",
               [](SyntheticCampaign& c) {
                 c.header.mutable_campaign()
                     ->mutable_progress()
                     ->set_archive_digest(std::string(32, 'x'));
               },
               "header: progress.archive_digest: "},
        Change{"BestAccuracy",
               [](SyntheticCampaign& c) {
                 v1::BestCandidate& best = *c.header.mutable_campaign()
                                                ->mutable_progress()
                                                ->mutable_best();
                 best.set_search_accuracy(NextAfter(best.search_accuracy()));
               },
               "header: progress.best.search_accuracy: "},
        Change{"ScoresOfAQuarantinedChild",
               [](SyntheticCampaign& c) {
                 c.log[5].set_scores(c.log[6].scores());
               },
               "log entry 5: bytes of scores of a quarantined child: "}),
    [](const auto& info) { return info.param.name; });

TEST_F(ReplayTest, AScoreOfASeedIsFound) {
  campaign_.header.set_seed_scores(0,
                                   FlipBit(campaign_.header.seed_scores(0), 0));
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_FALSE(differences_.empty());
}

TEST_F(ReplayTest, AnotherRandomSeedIsFoundAtTheFirstEntry) {
  campaign_.header.mutable_campaign()->mutable_spec()->set_random_seed(21);
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_THAT(First(), HasSubstr("log entry 0: proposal."));
}

TEST_F(ReplayTest, ASpecThatIsNotValidIsAnError) {
  campaign_.header.mutable_campaign()
      ->mutable_spec()
      ->mutable_search()
      ->set_population(-1);
  const auto outcome = ReplayCampaign();
  EXPECT_THAT(std::string(outcome.status().message()),
              HasSubstr("search.population"));
}

// As in folders from before campaigns had shards.
TEST_F(ReplayTest, ASpecWithoutShardsIsReplayed) {
  campaign_.header.mutable_campaign()
      ->mutable_spec()
      ->mutable_schedule()
      ->clear_shards();
  const auto outcome = ReplayCampaign();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(differences_.empty()) << First();
}

TEST_F(ReplayTest, ACampaignThatHasNotBegunIsAnError) {
  campaign_.header.clear_seed_scores();
  EXPECT_THAT(std::string(ReplayCampaign().status().message()),
              HasSubstr("has the campaign begun?"));
}

class ReplayFromABaseTest : public ReplayTest {
 protected:
  void SetUp() override {
    ReplayTest::SetUp();
    auto campaign = MakeSyntheticBaseCampaign(folder_->path(), kEvaluations);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    campaign_ = *std::move(campaign);
  }

  v1::CampaignSpec& Spec() {
    return *campaign_.header.mutable_campaign()->mutable_spec();
  }
};

TEST_F(ReplayFromABaseTest, AnUntouchedRecordHasNoDifferences) {
  const auto outcome = ReplayCampaign();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(differences_.empty()) << First();
  EXPECT_EQ(outcome->archive_digest.ToBytes(),
            campaign_.header.campaign().progress().archive_digest());
  EXPECT_EQ(outcome->winner.recipe.seeds, 3);
  EXPECT_EQ(outcome->winner.recipe.chromosomes.size(), 2u);
}

TEST_F(ReplayFromABaseTest, AnotherNoiseIsFoundAtTheFirstEntry) {
  Spec().mutable_search()->set_coefficient_mutation(NextAfter(0.125));
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_THAT(First(), HasSubstr("log entry 0: proposal.genome_digest: "));
}

TEST_F(ReplayFromABaseTest, AnotherBaseIsFound) {
  Spec().mutable_model()->mutable_base()->set_digest(std::string(32, 'x'));
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_THAT(First(), HasSubstr("log entry 0: proposal.genome_digest: "));
}

TEST_F(ReplayFromABaseTest, ACoefficientOfTheSecondChromosomeIsFound) {
  v1::ChromosomeCrossover& second =
      *Entry(/*accepted=*/false, 20).mutable_proposal()->mutable_chromosomes(1);
  second.set_after_b(NextAfter(second.after_b()));
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_THAT(First(), HasSubstr("proposal.chromosomes[1].after_b: "));
}

TEST_F(ReplayFromABaseTest, ChromosomesThatAreOthersAreAnError) {
  Spec().mutable_model()->mutable_chromosomes(0)->set_tensors(0, "*.bias");
  EXPECT_THAT(std::string(ReplayCampaign().status().message()),
              HasSubstr("Gram sums: chromosomes[0].length"));
}

}  // namespace
}  // namespace merganser
