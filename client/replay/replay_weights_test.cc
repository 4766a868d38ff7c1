#include "client/replay/replay_weights.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/embedded/temporary_folder.h"
#include "client/replay/replay.h"
#include "client/replay/replay_testing.h"
#include "client/replay/synthetic_campaign.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kEvaluations = 300;

class ReplayWeightsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    auto campaign = MakeSyntheticWeightsCampaign(folder_->path(), kEvaluations);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    campaign_ = *std::move(campaign);
  }

  absl::StatusOr<ReplayOutcome> ReplayCampaign(
      ReplayObserver* observer = nullptr) {
    return ReplaySynthetic(campaign_, folder_->path() + "/record", observer,
                           differences_);
  }

  std::string First() const {
    return differences_.empty() ? "" : differences_.first()[0].ToString();
  }

  std::optional<TemporaryFolder> folder_;
  SyntheticCampaign campaign_;
  DifferenceList differences_;
};

TEST_F(ReplayWeightsTest, AnUntouchedRecordHasNoDifferences) {
  const auto outcome = ReplayCampaign();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(differences_.empty()) << First();
  EXPECT_EQ(outcome->results, kEvaluations);
  EXPECT_GT(outcome->accepted, 20);
  EXPECT_EQ(outcome->quarantined, 1);
  EXPECT_GT(outcome->rejected_early, 10);
  EXPECT_EQ(outcome->weights_size_bytes, 26 * 4);
  EXPECT_EQ(outcome->archive_digest.ToBytes(),
            campaign_.header.campaign().progress().archive_digest());
  ASSERT_FALSE(outcome->winner.ancestors.empty());
  EXPECT_EQ(outcome->winner.ancestors.back().weights, outcome->winner.genome);
}

// Follows which weights are kept, and what each candidate is shown with.
class KeptWeights : public ReplayObserver {
 public:
  absl::Status OnStart(const v1::CampaignSpec&,
                       std::span<const TaskExtent>) override {
    return absl::OkStatus();
  }
  absl::Status OnCandidate(const Candidate& candidate) override {
    EXPECT_EQ(candidate.recipe, nullptr);
    EXPECT_EQ(candidate.offspring == nullptr, candidate.number < 0);
    if (candidate.offspring != nullptr) {
      for (const auto& parent :
           {candidate.offspring->parent_a(), candidate.offspring->parent_b()}) {
        EXPECT_GT(kept_[parent.digest()], 0) << candidate.number;
      }
      EXPECT_EQ(candidate.weights == nullptr, !candidate.scores.complete());
    }
    return absl::OkStatus();
  }
  absl::Status OnKept(const RemadeWeights& weights) override {
    ++kept_[weights.digest.ToBytes()];
    most = std::max(most, ++now);
    return absl::OkStatus();
  }
  void OnForgotten(const Digest& weights) override {
    --kept_[weights.ToBytes()];
    --now;
  }

  int64_t now = 0;
  int64_t most = 0;

 private:
  std::map<std::string, int> kept_;
};

TEST_F(ReplayWeightsTest, OnlyMembersAndParentsOfOpenProposalsAreKept) {
  KeptWeights observer;
  ASSERT_TRUE(ReplayCampaign(&observer).ok());
  // 6 slots, a window of 8, and the child that was just taken in.
  EXPECT_LE(observer.most, 6 + 2 * 8 + 1);
  EXPECT_GE(observer.now, 6);
}

// Indices of entries: of an accepted child, of one that was dropped after all
// its scores were known, and of one that was rejected early.
size_t IndexOf(const SyntheticCampaign& campaign,
               const std::function<bool(const v1::LogEntry&)>& fits) {
  size_t n = 40;
  while (n < campaign.log.size() && !fits(campaign.log[n])) ++n;
  EXPECT_LT(n, campaign.log.size()) << "the campaign has no such entry";
  return n;
}

size_t Accepted(const SyntheticCampaign& campaign) {
  return IndexOf(campaign, [](const v1::LogEntry& entry) {
    return entry.dropped_slot() < 6;
  });
}

size_t Dropped(const SyntheticCampaign& campaign) {
  return IndexOf(campaign, [](const v1::LogEntry& entry) {
    return entry.dropped_slot() == 6 && entry.known_chunks().empty();
  });
}

size_t Rejected(const SyntheticCampaign& campaign) {
  return IndexOf(campaign, [](const v1::LogEntry& entry) {
    return !entry.known_chunks().empty();
  });
}

// A change to an entry of the record, and the difference that must be the only
// one.
struct Change {
  std::string name;
  size_t (*find)(const SyntheticCampaign&);
  std::function<void(v1::LogEntry&)> apply;
  std::string field;
};

class SingleEntryTest : public ReplayWeightsTest,
                        public ::testing::WithParamInterface<Change> {};

TEST_P(SingleEntryTest, IsFoundWhereItIs) {
  const size_t n = GetParam().find(campaign_);
  GetParam().apply(campaign_.log[n]);
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_EQ(differences_.count(), 1);
  EXPECT_THAT(First(), HasSubstr(absl::StrCat("log entry ", n, ": ",
                                              GetParam().field, ": ")));
}

v1::ChromosomeCrossover& Crossover(v1::LogEntry& entry) {
  return *entry.mutable_proposal()->mutable_chromosomes(0);
}

double NextAfter(double value) { return std::nextafter(value, 10.0); }

void FlipDigestBit(v1::LogEntry& entry) {
  std::string& digest = *entry.mutable_weights()->mutable_digest();
  digest[7] = static_cast<char>(digest[7] ^ 1);
}

INSTANTIATE_TEST_SUITE_P(
    Changes, SingleEntryTest,
    ::testing::Values(
        Change{"WeightsOfAnAcceptedChild", Accepted, FlipDigestBit, "weights"},
        Change{"WeightsOfADroppedChild", Dropped, FlipDigestBit, "weights"},
        Change{"SizeOfWeights", Accepted,
               [](v1::LogEntry& e) { e.mutable_weights()->set_size_bytes(1); },
               "weights"},
        Change{"WeightsThatAreMissing", Accepted,
               [](v1::LogEntry& e) { e.clear_weights(); }, "weights"},
        Change{"WeightsOfAChildThatWasRejectedEarly", Rejected,
               [](v1::LogEntry& e) { e.mutable_weights()->set_size_bytes(1); },
               "weights"},
        Change{"CoefficientBefore", Accepted,
               [](v1::LogEntry& e) {
                 Crossover(e).set_before_a(NextAfter(Crossover(e).before_a()));
               },
               "proposal.chromosomes[0].before_a"},
        Change{"CoefficientAfter", Dropped,
               [](v1::LogEntry& e) {
                 Crossover(e).set_after_b(NextAfter(Crossover(e).after_b()));
               },
               "proposal.chromosomes[0].after_b"},
        Change{"CoefficientOfAChildThatWasRejectedEarly", Rejected,
               [](v1::LogEntry& e) { Crossover(e).set_after_a(1); },
               "proposal.chromosomes[0].after_a"},
        Change{"Mix", Accepted,
               [](v1::LogEntry& e) {
                 Crossover(e).set_mix(NextAfter(Crossover(e).mix()));
               },
               "proposal.chromosomes[0].mix"},
        Change{"SplitBlock", Accepted,
               [](v1::LogEntry& e) {
                 Crossover(e).set_split_block(Crossover(e).split_block() + 1);
               },
               "proposal.chromosomes[0].split_block"},
        Change{"Parent", Accepted,
               [](v1::LogEntry& e) {
                 v1::Proposal& proposal = *e.mutable_proposal();
                 proposal.set_parent_b(proposal.parent_b() + 1);
               },
               "proposal.parent_b"}),
    [](const auto& info) { return info.param.name; });

TEST_F(ReplayWeightsTest, SwappedParentsAreFound) {
  const size_t n = IndexOf(campaign_, [](const v1::LogEntry& entry) {
    return entry.proposal().parent_a() != entry.proposal().parent_b();
  });
  v1::Proposal& proposal = *campaign_.log[n].mutable_proposal();
  const int64_t a = proposal.parent_a();
  proposal.set_parent_a(proposal.parent_b());
  proposal.set_parent_b(a);
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_EQ(differences_.count(), 2);
  EXPECT_THAT(First(), HasSubstr(absl::StrCat("log entry ", n,
                                              ": proposal.parent_a: ")));
}

TEST_F(ReplayWeightsTest, ChangedSlotsAreFound) {
  const std::map<std::string, std::function<void(v1::ArchiveSlot&)>> changes = {
      {"genome_digest",
       [](v1::ArchiveSlot& s) { s.set_genome_digest(std::string(32, 'x')); }},
      {"weights.digest",
       [](v1::ArchiveSlot& s) {
         s.mutable_weights()->set_digest(std::string(32, 'x'));
       }},
      {"weights.size_bytes",
       [](v1::ArchiveSlot& s) { s.mutable_weights()->set_size_bytes(1); }},
      {"scores", [](v1::ArchiveSlot& s) { s.mutable_scores()->at(0) ^= 1; }}};
  const v1::ExportHeader header = campaign_.header;
  for (const auto& [field, change] : changes) {
    campaign_.header = header;
    change(*campaign_.header.mutable_slots(2));
    differences_ = DifferenceList();
    ASSERT_TRUE(ReplayCampaign().ok());
    EXPECT_EQ(differences_.count(), 1) << field;
    EXPECT_THAT(First(), HasSubstr("archive slot 2: " + field + ": "));
  }
}

TEST_F(ReplayWeightsTest, AnotherDeviationOfTheNoiseIsFoundAtTheFirstEntry) {
  campaign_.header.mutable_campaign()
      ->mutable_spec()
      ->mutable_search()
      ->set_mutation_sigma(0.25);
  ASSERT_TRUE(ReplayCampaign().ok());
  EXPECT_THAT(First(), HasSubstr("log entry 0: "));
}

}  // namespace
}  // namespace merganser
