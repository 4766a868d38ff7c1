#include "client/results/winner.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "client/embedded/temporary_folder.h"
#include "client/replay/synthetic_campaign.h"
#include "common/genome_proto/genome_proto.h"
#include "common/storage/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class WinnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    auto campaign = MakeSyntheticCampaign(folder_->path(), 50);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    header_ = campaign->header;
    winner_ = {.campaign = "synthetic",
               .uid = "uid",
               .candidate = 7,
               .recipe = {2, {{{0, 12}, {0.25, 0.75, 1, 0}}}},
               .parents = {3, -1}};
  }

  const v1::CampaignSpec& spec() const { return header_.campaign().spec(); }
  v1::CampaignSpec* mutable_spec() {
    return header_.mutable_campaign()->mutable_spec();
  }

  std::vector<float> Tensor(const std::string& path, const std::string& name) {
    const auto file = SafetensorsFile::Open(path);
    EXPECT_TRUE(file.ok()) << file.status();
    const auto tensor = (*file)->Tensor(name);
    EXPECT_TRUE(tensor.ok()) << tensor.status();
    std::vector<float> values(tensor->bytes.size() / sizeof(float));
    memcpy(values.data(), tensor->bytes.data(), tensor->bytes.size());
    return values;
  }

  std::optional<TemporaryFolder> folder_;
  v1::ExportHeader header_;
  Winner winner_;
  ThreadTeam team_{1};
};

TEST_F(WinnerTest, TheWeightsFollowTheRecipeSegmentBySegment) {
  const auto seeds = OpenLocalSeeds(spec(), "", team_);
  ASSERT_TRUE(seeds.ok()) << seeds.status();
  const std::string path = folder_->path() + "/winner.safetensors";
  const auto weights = MakeWeights(winner_.recipe, *seeds, team_);
  ASSERT_TRUE(weights.ok()) << weights.status();
  ASSERT_TRUE(WriteWinner(path, winner_, *weights).ok());
  // Elements 0 … 11 are layers.0.weight; the rest is the first seed's.
  const std::string first = folder_->path() + "/seed-0.safetensors";
  const std::string second = folder_->path() + "/seed-1.safetensors";
  const auto a = Tensor(first, "layers.0.weight");
  const auto b = Tensor(second, "layers.0.weight");
  std::vector<float> expected;
  for (size_t i = 0; i < a.size(); ++i) {
    expected.push_back(std::fma(0.75f, b[i], 0.25f * a[i]));
  }
  EXPECT_EQ(Tensor(path, "layers.0.weight"), expected);
  for (const char* name :
       {"layers.0.bias", "layers.1.weight", "layers.1.bias"}) {
    EXPECT_EQ(Tensor(path, name), Tensor(first, name)) << name;
  }
}

TEST_F(WinnerTest, TheFileSaysWhatItIs) {
  const auto seeds = OpenLocalSeeds(spec(), "", team_);
  ASSERT_TRUE(seeds.ok()) << seeds.status();
  const std::string path = folder_->path() + "/winner.safetensors";
  const auto weights = MakeWeights(winner_.recipe, *seeds, team_);
  ASSERT_TRUE(weights.ok()) << weights.status();
  ASSERT_TRUE(WriteWinner(path, winner_, *weights).ok());
  const auto file = SafetensorsFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->metadata().at("merganser.campaign"), "synthetic");
  EXPECT_EQ((*file)->metadata().at("merganser.candidate"), "7");
  EXPECT_EQ((*file)->metadata().at("merganser.genome_digest"),
            winner_.genome.ToHex());
  EXPECT_EQ((*file)->Tensor("layers.0.weight")->shape,
            (std::vector<int64_t>{3, 4}));
}

TEST_F(WinnerTest, WeightsAreRoundedToTheDtypeOfTheSpec) {
  mutable_spec()->mutable_model()->set_weights_dtype("bfloat16");
  const auto seeds = OpenLocalSeeds(spec(), "", team_);
  ASSERT_TRUE(seeds.ok()) << seeds.status();
  EXPECT_EQ(seeds->dtype, DType::kBF16);
  const auto weights = MakeWeights(winner_.recipe, *seeds, team_);
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_EQ(weights->bytes.size(), 26u * 2);
}

TEST_F(WinnerTest, TheRecipePageSaysWhatIsInTheWinner) {
  const auto text = WinnerRecipeJson(winner_, spec());
  ASSERT_TRUE(text.ok()) << text.status();
  const json page = json::parse(*text);
  EXPECT_EQ(page["parents"], (json{3, -1}));
  EXPECT_EQ(page["seeds"][0]["name"], "first");
  EXPECT_EQ(page["seeds"][0]["licence"], "CC0-1.0");
  EXPECT_EQ(page["seeds"][0]["digest"].get<std::string>().size(), 64u);
  // 12 of 26 elements are a quarter of the first seed, the others all of it.
  EXPECT_NEAR(page["seeds"][0]["share"], (12 * 0.25 + 14) / 26, 1e-15);
  EXPECT_NEAR(page["seeds"][1]["share"], 12 * 0.75 / 26, 1e-15);
  EXPECT_EQ(page["layers"][1]["name"], "layers.1");
  EXPECT_EQ(page["layers"][1]["shares"], (json{1.0, 0.0}));
  const auto recipe = RecipeFromJson(page["recipe"].dump());
  ASSERT_TRUE(recipe.ok()) << recipe.status();
  EXPECT_EQ(*recipe, winner_.recipe);
}

TEST_F(WinnerTest, TheBestMemberIsTheOneThatTheHeaderNames) {
  const auto winner = BestMember(header_);
  ASSERT_TRUE(winner.ok()) << winner.status();
  EXPECT_EQ(winner->candidate,
            header_.campaign().progress().best().candidate());
  EXPECT_EQ(winner->genome.ToBytes(),
            header_.campaign().progress().best().genome_digest());
}

TEST_F(WinnerTest, WithoutABestMemberThereIsNoWinner) {
  header_.mutable_campaign()->mutable_progress()->clear_best();
  EXPECT_EQ(BestMember(header_).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(WinnerTest, ABestMemberOutsideTheArchiveIsADefectOfTheExport) {
  header_.clear_slots();
  EXPECT_EQ(BestMember(header_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(WinnerTest, AMissingSeedIsNamed) {
  mutable_spec()->mutable_seeds(1)->set_path("elsewhere.safetensors");
  const auto seeds = OpenLocalSeeds(spec(), folder_->path(), team_);
  EXPECT_EQ(seeds.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(seeds.status().message()),
              HasSubstr("seeds[1].path: " + folder_->path() +
                        "/elsewhere.safetensors"));
}

TEST_F(WinnerTest, RelativePathsStartAtTheModelsRoot) {
  mutable_spec()->mutable_seeds(0)->set_path("seed-0.safetensors");
  EXPECT_FALSE(OpenLocalSeeds(spec(), "", team_).ok());
  const auto seeds = OpenLocalSeeds(spec(), folder_->path(), team_);
  EXPECT_TRUE(seeds.ok()) << seeds.status();
}

TEST_F(WinnerTest, AnotherFileUnderTheSameNameIsRefused) {
  mutable_spec()->mutable_seeds(0)->set_digest(std::string(32, 'x'));
  EXPECT_THAT(std::string(OpenLocalSeeds(spec(), "", team_).status().message()),
              HasSubstr("is not what the campaign was submitted with"));
}

TEST_F(WinnerTest, ARecipeOfAnotherShapeIsRefused) {
  winner_.recipe.chromosomes[0].starts[1] = 26;
  EXPECT_FALSE(WinnerRecipeJson(winner_, spec()).ok());
  const auto seeds = OpenLocalSeeds(spec(), "", team_);
  ASSERT_TRUE(seeds.ok());
  EXPECT_FALSE(MakeWeights(winner_.recipe, *seeds, team_).ok());
}

// Of a campaign from a base, the base is one more of the page's seeds.
TEST_F(WinnerTest, ThePageShowsTheShareOfTheBase) {
  auto campaign = MakeSyntheticBaseCampaign(folder_->path(), 20);
  ASSERT_TRUE(campaign.ok()) << campaign.status();
  header_ = campaign->header;
  // 12 + 8 weights in the first chromosome, 4 + 2 biases in the second.
  winner_.recipe = {3,
                    {{{0, 12}, {0.25, 0.5, 0.25, 1, -1, 1}}, {{0}, {0, 0, 1}}}};
  const auto text = WinnerRecipeJson(winner_, spec());
  ASSERT_TRUE(text.ok()) << text.status();
  const json page = json::parse(*text);
  ASSERT_EQ(page["seeds"].size(), 3u);
  EXPECT_EQ(page["seeds"][2]["name"], "ancestor");
  EXPECT_EQ(page["seeds"][2]["licence"], "MIT");
  // |c| times elements: first 3 + 8, second 6 + 8, ancestor 3 + 8 + 6.
  EXPECT_DOUBLE_EQ(page["seeds"][0]["share"], 11.0 / 42);
  EXPECT_DOUBLE_EQ(page["seeds"][1]["share"], 14.0 / 42);
  EXPECT_DOUBLE_EQ(page["seeds"][2]["share"], 17.0 / 42);
  EXPECT_DOUBLE_EQ(page["layers"][1]["shares"][2], 10.0 / 26);
}

TEST_F(WinnerTest, ABaseThatIsAnotherIsNamed) {
  auto campaign = MakeSyntheticBaseCampaign(folder_->path(), 20);
  ASSERT_TRUE(campaign.ok()) << campaign.status();
  header_ = campaign->header;
  EXPECT_TRUE(OpenLocalSeeds(spec(), "", team_).ok());
  mutable_spec()->mutable_model()->mutable_base()->set_path(
      spec().seeds(0).path());
  EXPECT_THAT(std::string(OpenLocalSeeds(spec(), "", team_).status().message()),
              ::testing::StartsWith("model.base.path: "));
}

}  // namespace
}  // namespace merganser
