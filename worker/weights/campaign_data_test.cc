#include "worker/weights/campaign_data.h"

#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "common/genome_proto/genome_proto.h"
#include "common/storage/file.h"
#include "common/storage/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/testing/digits_campaign.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class CampaignDataTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (fs::temp_directory_path() / "merganser_data_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  absl::StatusOr<std::unique_ptr<CampaignData>> Load(
      const v1::CampaignSpec& spec) {
    return CampaignData::Load(spec, PathRules(""), team_);
  }

  // A model of one layer, 2 features, 3 classes.
  std::string WriteSeed(const std::string& name, float first_weight,
                        int64_t classes = 3) {
    std::vector<float> weight(static_cast<size_t>(2 * classes), 0.5f);
    std::vector<float> bias(static_cast<size_t>(classes), 0.25f);
    weight[0] = first_weight;
    const std::vector<TensorToWrite> tensors = {
        {"layers.0.weight", DType::kF32, {2, classes}, BytesOf(weight)},
        {"layers.0.bias", DType::kF32, {classes}, BytesOf(bias)}};
    const std::string path = (folder_ / name).string();
    EXPECT_TRUE(WriteSafetensors(path, tensors, {}).ok());
    return path;
  }

  static std::span<const uint8_t> BytesOf(const std::vector<float>& values) {
    return {reinterpret_cast<const uint8_t*>(values.data()),
            values.size() * sizeof(float)};
  }

  std::string WriteRows(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    EXPECT_TRUE(WriteFileAtomically(path, text).ok());
    return path;
  }

  // Two good seeds and four good rows.
  v1::CampaignSpec SmallSpec() {
    v1::CampaignSpec spec;
    spec.mutable_model()->set_family("mlp");
    spec.add_seeds()->set_path(WriteSeed("a.safetensors", 1));
    spec.add_seeds()->set_path(WriteSeed("b.safetensors", 2));
    v1::TaskSpec* task = spec.add_tasks();
    task->set_kind("classification");
    task->mutable_search()->set_file(
        WriteRows("rows.csv", "1,2,0\n3,4,1\n5,6,2\n7,8,0\n"));
    task->mutable_search()->set_rows(4);
    return spec;
  }

  fs::path folder_;
  ThreadTeam team_{1};
};

TEST_F(CampaignDataTest, ReadsTheDigitsCampaign) {
  const auto data =
      CampaignData::Load(DigitsSpec(), PathRules(DigitsFolder()), team_);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ((*data)->layout().parameters.length, 19210);
  EXPECT_EQ((*data)->seeds().size(), 2u);
  EXPECT_EQ((*data)->weights_dtype(), DType::kF32);
  ASSERT_EQ((*data)->tasks().size(), 1u);
  EXPECT_EQ((*data)->tasks()[0].search.rows, 1437);
  EXPECT_EQ((*data)->tasks()[0].holdout->rows, 360);
  EXPECT_EQ((*data)->tasks()[0].chunk_size, 1437);
}

TEST_F(CampaignDataTest, ScaleAndRowRangeAreApplied) {
  v1::CampaignSpec spec = SmallSpec();
  v1::DatasetSpec* search = spec.mutable_tasks(0)->mutable_search();
  search->set_scale(0.5);
  search->set_first_row(1);
  search->set_end_row(3);
  search->set_rows(2);
  const auto data = Load(spec);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT((*data)->tasks()[0].search.features,
              ::testing::ElementsAre(1.5f, 2.0f, 2.5f, 3.0f));
  EXPECT_THAT((*data)->tasks()[0].search.labels, ::testing::ElementsAre(1, 2));
}

TEST_F(CampaignDataTest, TheSpecMayAskForAnotherDType) {
  v1::CampaignSpec spec = SmallSpec();
  spec.mutable_model()->set_weights_dtype("bfloat16");
  EXPECT_EQ((*Load(spec))->weights_dtype(), DType::kBF16);
}

TEST_F(CampaignDataTest, FilesWithTheResolvedDigestsAreTaken) {
  v1::CampaignSpec spec = SmallSpec();
  const auto file = SafetensorsFile::Open(spec.seeds(1).path());
  spec.mutable_seeds(1)->set_digest(SeedDigest(**file).ToBytes());
  v1::DatasetSpec* search = spec.mutable_tasks(0)->mutable_search();
  search->set_digest(Sha256(*ReadFile(search->file())).ToBytes());
  EXPECT_TRUE(Load(spec).ok());
}

struct BadInput {
  std::string name;
  std::function<void(v1::CampaignSpec&)> change;
  std::vector<std::string> message;  // parts of it
};

TEST_F(CampaignDataTest, EveryBadInputIsNamedByFieldAndFile) {
  const std::string nan_seed =
      WriteSeed("nan.safetensors", std::numeric_limits<float>::quiet_NaN());
  const std::string wide_seed = WriteSeed("wide.safetensors", 1, 4);
  const std::string short_row = WriteRows("short.csv", "1,2,0\n3,1\n");
  const std::string wide_row = WriteRows("wide.csv", "1,2,3,0\n");
  const std::string label = WriteRows("label.csv", "1,2,0\n1,2,3\n");
  const std::string text = WriteRows("text.safetensors", "not safetensors");
  const Digest other = Sha256("another file");
  const std::vector<BadInput> inputs = {
      {"NaN",
       [&](auto& s) { s.mutable_seeds(1)->set_path(nan_seed); },
       {"seeds[1].path", nan_seed, "layers.0.weight"}},
      {"another shape",
       [&](auto& s) { s.mutable_seeds(1)->set_path(wide_seed); },
       {"seeds[1].path", wide_seed, "[2, 4]"}},
      {"missing seed",
       [&](auto& s) { s.mutable_seeds(0)->set_path("/no/seed"); },
       {"seeds[0].path", "/no/seed"}},
      {"no safetensors",
       [&](auto& s) { s.mutable_seeds(0)->set_path(text); },
       {"seeds[0].path", text}},
      {"seed digest",
       [&](auto& s) { s.mutable_seeds(0)->set_digest(other.ToBytes()); },
       {"seeds[0].path", "a.safetensors", other.ToHex()}},
      {"seed digest length",
       [&](auto& s) { s.mutable_seeds(0)->set_digest("x"); },
       {"seeds[0].path", "digest"}},
      {"missing rows",
       [&](auto& s) { s.mutable_tasks(0)->mutable_search()->set_file("/no"); },
       {"tasks[0].search.file", "/no"}},
      {"width within the file",
       [&](auto& s) {
         s.mutable_tasks(0)->mutable_search()->set_file(short_row);
       },
       {"tasks[0].search.file", short_row + ":2"}},
      {"width of the model",
       [&](auto& s) {
         s.mutable_tasks(0)->mutable_search()->set_file(wide_row);
         s.mutable_tasks(0)->mutable_search()->set_rows(1);
       },
       {"tasks[0].search.file", wide_row, "3 features", "take 2"}},
      {"label",
       [&](auto& s) { s.mutable_tasks(0)->mutable_holdout()->set_file(label); },
       {"tasks[0].holdout.file", label + ":2"}},
      {"number of rows",
       [&](auto& s) { s.mutable_tasks(0)->mutable_search()->set_rows(5); },
       {"tasks[0].search.rows", "rows.csv gives 4 rows"}},
      {"dataset digest",
       [&](auto& s) {
         s.mutable_tasks(0)->mutable_search()->set_digest(other.ToBytes());
       },
       {"tasks[0].search.digest", "rows.csv", other.ToHex()}},
      {"tensors",
       [&](auto& s) {
         v1::TensorSpec* tensor = s.mutable_model()->add_tensors();
         tensor->set_name("layers.0.weight");
         tensor->add_shape(9);
       },
       {"model.tensors", "a.safetensors"}},
      {"family",
       [&](auto& s) { s.mutable_model()->set_family("llama"); },
       {"model.family", "llama", "mlp"}},
      {"kind",
       [&](auto& s) { s.mutable_tasks(0)->set_kind("guess"); },
       {"tasks[0].kind", "guess", "classification"}},
      {"dtype",
       [&](auto& s) { s.mutable_model()->set_weights_dtype("int8"); },
       {"model.weights_dtype", "int8", "float16"}},
      {"no seeds", [&](auto& s) { s.clear_seeds(); }, {"seeds"}},
      {"no tasks", [&](auto& s) { s.clear_tasks(); }, {"tasks"}},
  };
  for (const BadInput& input : inputs) {
    v1::CampaignSpec spec = SmallSpec();
    input.change(spec);
    const auto data = Load(spec);
    ASSERT_FALSE(data.ok()) << input.name;
    for (const std::string& part : input.message) {
      EXPECT_THAT(std::string(data.status().message()), HasSubstr(part))
          << input.name;
    }
  }
}

// SmallSpec() from a base, in two chromosomes.
TEST_F(CampaignDataTest, TheBaseIsTheLastOfTheSeeds) {
  v1::CampaignSpec spec = SmallSpec();
  v1::SeedSpec& base = *spec.mutable_model()->mutable_base();
  base.set_path(WriteSeed("base.safetensors", 4));
  spec.mutable_search()->set_origin("base");
  for (const char* pattern : {"*.bias", "*"}) {
    spec.mutable_model()->add_chromosomes()->add_tensors(pattern);
  }
  const auto data = Load(spec);
  ASSERT_TRUE(data.ok()) << data.status();
  ASSERT_EQ((*data)->seeds().size(), 3u);
  EXPECT_EQ((*data)->seed_digests()[2],
            SeedDigest(**SafetensorsFile::Open(base.path())));
  ASSERT_EQ((*data)->layout().chromosomes.size(), 2u);
  EXPECT_EQ((*data)->layout().chromosomes[0].length, 3);
  // The seeds differ from the base in the first weight alone: by -3 and -2.
  const GramSums gram = (*data)->MakeGramSums(team_);
  EXPECT_EQ(gram.seeds(), 2);
  const auto& prefix = gram.chromosomes()[1].prefix;
  EXPECT_THAT(std::vector<double>(prefix.end() - 3, prefix.end()),
              ::testing::ElementsAre(9, 6, 4));

  base.set_digest(Sha256("another file").ToBytes());
  EXPECT_THAT(std::string(Load(spec).status().message()),
              ::testing::StartsWith("model.base.path: "));
  base.clear_digest();
  base.set_path(WriteSeed("wide.safetensors", 1, 4));
  EXPECT_THAT(std::string(Load(spec).status().message()),
              ::testing::StartsWith("model.base.path: "));
}

class RecipeOfTest : public CampaignDataTest {
 protected:
  void SetUp() override {
    CampaignDataTest::SetUp();
    auto data = Load(SmallSpec());
    ASSERT_TRUE(data.ok()) << data.status();
    data_ = *std::move(data);
  }

  v1::Job JobOf(const LinearRecipe& recipe) {
    v1::Job job;
    *job.mutable_recipe() = RecipeToProto(recipe);
    job.set_genome_digest(
        GenomeDigest(recipe, data_->seed_digests()).ToBytes());
    return job;
  }

  std::unique_ptr<CampaignData> data_;
};

TEST_F(RecipeOfTest, GivesBackAGoodRecipe) {
  const LinearRecipe recipe{2, {{{0, 4}, {0.5, 0.5, 1.5, -0.5}}}};
  const auto given = data_->RecipeOf(JobOf(recipe));
  ASSERT_TRUE(given.ok()) << given.status();
  EXPECT_EQ(*given, recipe);
}

TEST_F(RecipeOfTest, RefusesAnotherDigestThanTheRecipesOwn) {
  v1::Job job = JobOf(SeedRecipe(0, 2, 1));
  *job.mutable_recipe() = RecipeToProto(SeedRecipe(1, 2, 1));
  EXPECT_THAT(std::string(data_->RecipeOf(job).status().message()),
              HasSubstr("job.genome_digest"));
}

TEST_F(RecipeOfTest, RefusesARecipeThatDoesNotFitTheCampaign) {
  const std::vector<LinearRecipe> recipes = {
      SeedRecipe(0, 3, 1),                     // another number of seeds
      SeedRecipe(0, 2, 2),                     // of chromosomes
      {2, {{{0, 9}, {0.5, 0.5, 1.5, -0.5}}}},  // begins behind the end
      {2, {{{0}, {1e39, 0}}}},                 // infinite as a float
  };
  for (const LinearRecipe& recipe : recipes) {
    EXPECT_THAT(std::string(data_->RecipeOf(JobOf(recipe)).status().message()),
                HasSubstr("job.recipe"));
  }
}

TEST_F(CampaignDataTest, RandomSeedsNeedNoFiles) {
  v1::CampaignSpec spec = SmallSpec();
  spec.clear_seeds();
  for (int i = 0; i < 3; ++i) spec.add_seeds()->set_random(true);
  spec.set_random_seed(7);
  spec.mutable_model()->set_init_sigma(0.5);
  spec.mutable_model()->add_layers(2);
  spec.mutable_model()->add_layers(3);
  const auto data = Load(spec);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ((*data)->layout().parameters.length, 9);
  EXPECT_TRUE((*data)->seeds().empty());
  EXPECT_EQ((*data)->weights_dtype(), DType::kF32);
  ASSERT_TRUE((*data)->random_seeds().has_value());
  EXPECT_EQ((*data)->random_seeds()->count, 3);
  EXPECT_EQ((*data)->random_seeds()->sigma, 0.5);
  EXPECT_EQ((*data)->random_seeds()->campaign_seed, 7u);
  EXPECT_THAT(std::string((*data)->RecipeOf({}).status().message()),
              HasSubstr("job.recipe"));
  spec.mutable_model()->set_weights_dtype("float16");
  EXPECT_EQ((*Load(spec))->weights_dtype(), DType::kF16);
  // Its data must fit the layout as a file's would.
  spec.mutable_model()->set_layers(0, 3);
  EXPECT_THAT(std::string(Load(spec).status().message()),
              HasSubstr("tasks[0].search.file"));
  // The resolved tensors are those of the layers.
  spec.mutable_model()->add_tensors()->set_name("layers.0.weight");
  EXPECT_THAT(std::string(Load(spec).status().message()),
              HasSubstr("model.tensors"));
}

}  // namespace
}  // namespace merganser
