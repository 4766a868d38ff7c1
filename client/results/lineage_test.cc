#include "client/results/lineage.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "client/embedded/temporary_folder.h"
#include "client/replay/synthetic_campaign.h"
#include "client/results/write_results.h"
#include "common/base/digest.h"
#include "common/genome/offspring.h"
#include "common/genome/random_seed.h"
#include "common/storage/file.h"
#include "common/storage/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class LineageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    auto campaign = MakeSyntheticWeightsCampaign(folder_->path(), 120);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    campaign_ = *std::move(campaign);
    auto maker = WeightsMaker::Create(spec(), team_);
    ASSERT_TRUE(maker.ok()) << maker.status();
    maker_.emplace(*std::move(maker));
    auto accepted = AncestorsInLog(AcceptedEntries(), maker_->layout());
    ASSERT_TRUE(accepted.ok()) << accepted.status();
    accepted_ = *std::move(accepted);
  }

  const v1::CampaignSpec& spec() const {
    return campaign_.header.campaign().spec();
  }

  std::vector<v1::LogEntry> AcceptedEntries() const {
    std::vector<v1::LogEntry> entries;
    for (const v1::LogEntry& entry : campaign_.log) {
      if (entry.dropped_slot() < spec().search().population()) {
        entries.push_back(entry);
      }
    }
    return entries;
  }

  absl::StatusOr<RemadeWeights> Remake(int64_t candidate) {
    const auto ancestors = AncestorsOf(candidate, accepted_);
    if (!ancestors.ok()) return ancestors.status();
    return RemakeCandidate(candidate, *ancestors, *maker_);
  }

  int64_t best() const {
    return campaign_.header.campaign().progress().best().candidate();
  }

  // A child whose parents are children.
  int64_t Grandchild() const {
    for (const auto& [candidate, ancestor] : accepted_) {
      if (ancestor.proposal.parent_a >= 0 && ancestor.proposal.parent_b >= 0) {
        return candidate;
      }
    }
    ADD_FAILURE() << "the campaign has no such child";
    return 0;
  }

  absl::StatusOr<WrittenResults> Write(bool weights = true) {
    return WriteResults(
        [this](ExportPart part) { return campaign_.Export(part); },
        {.folder = folder_->path(), .weights = weights});
  }

  json Page() {
    const auto text = ReadFile(folder_->path() + "/winner_recipe.json");
    EXPECT_TRUE(text.ok()) << text.status();
    return text.ok() ? json::parse(*text) : json();
  }

  std::optional<TemporaryFolder> folder_;
  SyntheticCampaign campaign_;
  ThreadTeam team_{2};
  std::optional<WeightsMaker> maker_;
  Ancestors accepted_;
};

TEST_F(LineageTest, EveryAcceptedChildComesOutAsItWasMade) {
  ASSERT_GT(accepted_.size(), 10u);
  for (const auto& [candidate, ancestor] : accepted_) {
    const auto made = Remake(candidate);
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ(made->bytes, campaign_.weights.at(candidate)) << candidate;
  }
}

TEST_F(LineageTest, ASeedHasNoAncestorsAndIsMadeOfNoise) {
  for (int64_t seed = -3; seed < 0; ++seed) {
    EXPECT_TRUE(AncestorsOf(seed, accepted_)->empty());
    EXPECT_EQ(Remake(seed)->bytes, campaign_.weights.at(seed)) << seed;
  }
}

TEST_F(LineageTest, AncestorsAscendAndEndWithTheCandidate) {
  const int64_t candidate = Grandchild();
  const auto ancestors = AncestorsOf(candidate, accepted_);
  ASSERT_TRUE(ancestors.ok()) << ancestors.status();
  ASSERT_GE(ancestors->size(), 2u);
  for (size_t i = 1; i < ancestors->size(); ++i) {
    EXPECT_LT((*ancestors)[i - 1].proposal.candidate,
              (*ancestors)[i].proposal.candidate);
  }
  EXPECT_EQ(ancestors->back().proposal.candidate, candidate);
}

TEST_F(LineageTest, AnAncestorThatIsMissingIsNamed) {
  const int64_t candidate = Grandchild();
  const int64_t parent = accepted_.at(candidate).proposal.parent_a;
  accepted_.erase(parent);
  const absl::Status status = AncestorsOf(candidate, accepted_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("candidate " + std::to_string(parent) +
                        " is not among the accepted ones"));
}

TEST_F(LineageTest, AChildOlderThanItsParentIsRefused) {
  const int64_t candidate = Grandchild();
  accepted_.at(candidate).proposal.parent_a = candidate;
  EXPECT_EQ(AncestorsOf(candidate, accepted_).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(LineageTest, WhatDoesNotComeOutAsToldIsAnError) {
  const int64_t candidate = Grandchild();
  const Ancestor before = accepted_.at(candidate);
  Ancestor& told = accepted_.at(candidate);
  told.weights.bytes[0] ^= 1;
  EXPECT_THAT(std::string(Remake(candidate).status().message()),
              HasSubstr("made again, theirs is " + before.weights.ToHex()));
  told = before;
  told.proposal.coefficients[0].after.a *= 2;
  EXPECT_THAT(std::string(Remake(candidate).status().message()),
              HasSubstr("coefficients are not those"));
  told = before;
  told.proposal.mixes[0] += 0.25;
  EXPECT_EQ(Remake(candidate).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(LineageTest, TheWinnersFileHoldsItsWeights) {
  const auto written = Write();
  ASSERT_TRUE(written.ok()) << written.status();
  const auto file =
      SafetensorsFile::Open(folder_->path() + "/winner.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  std::vector<uint8_t> all;
  for (const v1::TensorSpec& tensor : spec().model().tensors()) {
    const auto view = (*file)->Tensor(tensor.name());
    ASSERT_TRUE(view.ok()) << view.status();
    EXPECT_EQ(view->shape, std::vector<int64_t>(tensor.shape().begin(),
                                                tensor.shape().end()));
    all.insert(all.end(), view->bytes.begin(), view->bytes.end());
  }
  EXPECT_EQ(all, campaign_.weights.at(best()));
}

// A stranger's way: the page alone, and the rules of docs/formats.md.
TEST_F(LineageTest, ThePageAloneLeadsToTheWinner) {
  ASSERT_TRUE(Write(/*weights=*/false).ok());
  const json page = Page();
  EXPECT_EQ(page["format"], "merganser-lineage/1");
  EXPECT_EQ(page["layers"], (json{3, 4, 2}));
  ASSERT_EQ(page["dtype"], "F32");
  ParameterLayout parameters;
  for (const json& tensor : page["tensors"]) {
    TensorSlice slice{.name = tensor["name"],
                      .shape = tensor["shape"],
                      .offset = parameters.length,
                      .elements = 1};
    for (const int64_t extent : slice.shape) slice.elements *= extent;
    parameters.length += slice.elements;
    parameters.tensors.push_back(slice);
  }
  const GenomeLayout layout = SingleChromosome(parameters);
  const uint64_t random_seed = page["random_seed"];
  std::map<int64_t, std::vector<uint8_t>> vectors;
  for (const json& seed : page["seeds"]) {
    EXPECT_EQ(seed["random"], true);
    std::vector<uint8_t>& bytes = vectors[seed["candidate"]];
    bytes.resize(layout.parameters.length * sizeof(float));
    MakeRandomSeed({random_seed, seed["candidate"]}, page["init_sigma"],
                   DType::kF32, team_, bytes);
  }
  OffspringMaker maker(team_);
  for (const json& ancestor : page["ancestors"]) {
    std::vector<int64_t> splits;
    std::vector<double> mixes;
    for (const json& chromosome : ancestor["chromosomes"]) {
      splits.push_back(chromosome["split_block"]);
      mixes.push_back(chromosome["mix"]);
    }
    std::vector<uint8_t> bytes(layout.parameters.length * sizeof(float));
    ASSERT_TRUE(maker
                    .Make(layout, DType::kF32,
                          {.parent_a = {vectors.at(ancestor["parents"][0]), {}},
                           .parent_b = {vectors.at(ancestor["parents"][1]), {}},
                           .crossover = ancestor["crossover"],
                           .split_blocks = splits,
                           .mixes = mixes,
                           .mutation = {{random_seed, ancestor["candidate"]},
                                        page["mutation_sigma"]}},
                          bytes)
                    .ok());
    const json& told = ancestor["chromosomes"][0];
    EXPECT_EQ(told["before_a"], maker.crossovers()[0].before.a);
    EXPECT_EQ(told["before_b"], maker.crossovers()[0].before.b);
    EXPECT_EQ(told["after_a"], maker.crossovers()[0].after.a);
    EXPECT_EQ(told["after_b"], maker.crossovers()[0].after.b);
    EXPECT_EQ(told["split"], maker.crossovers()[0].split);
    EXPECT_EQ(
        ancestor["digest"],
        Sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()})
            .ToHex());
    vectors[ancestor["candidate"]] = std::move(bytes);
  }
  EXPECT_EQ(vectors.at(page["candidate"]), campaign_.weights.at(best()));
}

TEST_F(LineageTest, AnExportWithoutItsLogIsRefused) {
  campaign_.log.clear();
  EXPECT_EQ(Write().status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace merganser
