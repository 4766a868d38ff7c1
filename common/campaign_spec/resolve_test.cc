#include "common/campaign_spec/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/digest.h"
#include "common/campaign_spec/campaign_file.h"
#include "common/campaign_spec/validate.h"
#include "common/storage/safetensors.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A directory with two seeds (two inputs, three classes) and a dataset of four
// rows, and the spec that names them.
class ResolveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ = absl::StrCat(::testing::TempDir(), "/resolve_", test->name());
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_ + "/data");
    WriteSeed("data/a.safetensors", {2, 3}, 0.5F);
    WriteSeed("data/b.safetensors", {2, 3}, 1.5F);
    WriteText("data/set.csv", "1,2,0\n3,4,1\n5,6,2\n7,8,0\n");
    spec_.set_name("tiny");
    spec_.mutable_model()->set_family("mlp");
    for (const char* name : {"a", "b"}) {
      v1::SeedSpec& seed = *spec_.add_seeds();
      seed.set_name(name);
      seed.set_path(absl::StrCat("data/", name, ".safetensors"));
    }
    v1::TaskSpec& task = *spec_.add_tasks();
    task.mutable_search()->set_file("data/set.csv");
    task.mutable_search()->set_end_row(3);
    task.mutable_search()->set_scale(1);
    task.mutable_holdout()->set_file("data/set.csv");
    task.mutable_holdout()->set_first_row(3);
    task.mutable_holdout()->set_scale(1);
  }

  void WriteText(const std::string& name, const std::string& text) {
    std::ofstream(Path(name)) << text;
  }

  // One layer, [in][out], of `value` everywhere.
  void WriteSeed(const std::string& name, const std::vector<int64_t>& shape,
                 float value) {
    const std::vector<float> weight(shape[0] * shape[1], value);
    const std::vector<float> bias(shape[1], 0.25F);
    const auto bytes = [](const std::vector<float>& values) {
      return std::span(reinterpret_cast<const uint8_t*>(values.data()),
                       values.size() * sizeof(float));
    };
    const std::vector<TensorToWrite> tensors = {
        {"layers.0.weight", DType::kF32, shape, bytes(weight)},
        {"layers.0.bias", DType::kF32, {shape[1]}, bytes(bias)}};
    ASSERT_TRUE(WriteSafetensors(Path(name), tensors, {}).ok());
  }

  std::string Path(const std::string& name) const {
    return absl::StrCat(directory_, "/", name);
  }

  // The message of the error that the spec gives; the spec must stay as it is.
  std::string Failure(const ResolveOptions& options) {
    const std::string before = spec_.SerializeAsString();
    const absl::Status status = ResolveSpec(spec_, options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(spec_.SerializeAsString(), before);
    return std::string(status.message());
  }
  std::string Failure() { return Failure({.base_dir = directory_}); }

  std::string directory_;
  v1::CampaignSpec spec_;
};

TEST_F(ResolveTest, FillsInWhatTheFilesSay) {
  const absl::Status status = ResolveSpec(spec_, {.base_dir = directory_});
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(spec_.model().tensors_size(), 2);
  EXPECT_EQ(spec_.model().tensors(0).name(), "layers.0.weight");
  EXPECT_THAT(spec_.model().tensors(0).shape(), ::testing::ElementsAre(2, 3));
  EXPECT_EQ(spec_.model().tensors(1).name(), "layers.0.bias");
  EXPECT_THAT(spec_.model().tensors(1).shape(), ::testing::ElementsAre(3));
  EXPECT_EQ(spec_.seeds(0).path(),
            std::filesystem::path(Path("data/a.safetensors"))
                .lexically_normal()
                .string());
  EXPECT_EQ(spec_.seeds(0).digest().size(), 32);
  EXPECT_NE(spec_.seeds(0).digest(), spec_.seeds(1).digest());
  const v1::TaskSpec& task = spec_.tasks(0);
  EXPECT_EQ(task.search().rows(), 3);
  EXPECT_EQ(task.chunk_size(), 3) << "no more than there are datapoints";
  EXPECT_EQ(task.holdout().rows(), 1);
  EXPECT_EQ(task.search().digest(),
            Sha256("1,2,0\n3,4,1\n5,6,2\n7,8,0\n").ToBytes());
}

TEST_F(ResolveTest, GivesTheSameTwice) {
  ASSERT_TRUE(ResolveSpec(spec_, {.base_dir = directory_}).ok());
  const std::string first = spec_.SerializeAsString();
  ASSERT_TRUE(ResolveSpec(spec_, {.base_dir = "/elsewhere"}).ok());
  EXPECT_EQ(spec_.SerializeAsString(), first);
}

TEST_F(ResolveTest, PathsBecomeRelativeToTheModelsRoot) {
  const absl::Status status = ResolveSpec(
      spec_, {.base_dir = directory_, .models_root = Path("data/")});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(spec_.seeds(1).path(), "b.safetensors");
  EXPECT_EQ(spec_.tasks(0).holdout().file(), "set.csv");
}

TEST_F(ResolveTest, FilesOutsideTheModelsRootAreRefused) {
  std::filesystem::create_directories(Path("dat"));
  EXPECT_THAT(Failure({.base_dir = directory_, .models_root = Path("dat")}),
              StartsWith("seeds[0].path: "));
}

TEST_F(ResolveTest, MissingSeedIsNamed) {
  spec_.mutable_seeds(1)->set_path("data/c.safetensors");
  EXPECT_THAT(Failure(), ::testing::AllOf(StartsWith("seeds[1].path: /"),
                                          HasSubstr("data/c.safetensors"),
                                          HasSubstr("No such file")));
}

TEST_F(ResolveTest, SeedOfAnotherShapeIsNamed) {
  WriteSeed("data/b.safetensors", {2, 4}, 1);
  EXPECT_THAT(Failure(),
              ::testing::AllOf(
                  StartsWith("seeds[1].path: /"),
                  ::testing::EndsWith("data/b.safetensors: layers.0.weight has "
                                      "shape [2, 4]; seeds[0] has [2, 3]")));
}

TEST_F(ResolveTest, NanAndInfinityInASeedAreNamed) {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(),
                            -std::numeric_limits<float>::infinity()}) {
    WriteSeed("data/b.safetensors", {2, 3}, value);
    EXPECT_THAT(Failure(), ::testing::AllOf(StartsWith("seeds[1].path: /"),
                                            HasSubstr("layers.0.weight")));
  }
}

TEST_F(ResolveTest, TruncatedSeedIsNamed) {
  std::filesystem::resize_file(Path("data/a.safetensors"), 20);
  EXPECT_THAT(Failure(), ::testing::AllOf(StartsWith("seeds[0].path: /"),
                                          HasSubstr("data/a.safetensors")));
}

TEST_F(ResolveTest, RowOfTheWrongWidthIsNamedByLine) {
  WriteText("data/set.csv", "1,2,0\n3,1\n5,6,2\n7,8,0\n");
  EXPECT_THAT(Failure(), ::testing::AllOf(
                             StartsWith("tasks[0].search.file: /"),
                             HasSubstr("data/set.csv:2: expected 3 columns")));
}

TEST_F(ResolveTest, DatasetOfTheWrongWidthIsNamed) {
  WriteText("data/wide.csv", "1,2,3,0\n");
  spec_.mutable_tasks(0)->mutable_holdout()->set_file("data/wide.csv");
  spec_.mutable_tasks(0)->mutable_holdout()->set_first_row(0);
  EXPECT_THAT(Failure(),
              ::testing::AllOf(StartsWith("tasks[0].holdout.file: /"),
                               HasSubstr("data/wide.csv:1: expected 3 columns, "
                                         "the 2 inputs of the seeds and the "
                                         "label; got 4")));
}

TEST_F(ResolveTest, LabelOutOfRangeIsNamedByLine) {
  WriteText("data/set.csv", "1,2,0\n3,4,1\n5,6,3\n7,8,0\n");
  EXPECT_THAT(Failure(),
              ::testing::AllOf(StartsWith("tasks[0].search.file: /"),
                               HasSubstr("data/set.csv:3: label 3")));
}

TEST_F(ResolveTest, RowsThatTheFileDoesNotHaveAreNamed) {
  spec_.mutable_tasks(0)->mutable_search()->set_end_row(4);
  EXPECT_TRUE(ResolveSpec(spec_, {.base_dir = directory_}).ok());
  spec_.mutable_tasks(0)->mutable_search()->set_end_row(5);
  EXPECT_THAT(Failure(), StartsWith("tasks[0].search.rows: /"));
}

// With a base, in data/, of another value than the seeds; resolved into
// chromosomes of one tensor each.
class ResolveBaseTest : public ResolveTest {
 protected:
  void SetUp() override {
    ResolveTest::SetUp();
    WriteSeed("data/base.safetensors", {2, 3}, 0.75F);
    spec_.mutable_model()->mutable_base()->set_name("base");
    spec_.mutable_model()->mutable_base()->set_path("data/base.safetensors");
    spec_.mutable_search()->set_origin("base");
    for (const char* kind : {"weight", "bias"}) {
      v1::ChromosomeSpec& chromosome =
          *spec_.mutable_model()->add_chromosomes();
      chromosome.set_name(kind);
      chromosome.add_tensors(absl::StrCat("*.", kind));
    }
  }
};

TEST_F(ResolveBaseTest, TheBaseIsResolvedAsASeedIs) {
  const absl::Status status = ResolveSpec(
      spec_, {.base_dir = directory_, .models_root = Path("data/")});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(spec_.model().base().path(), "base.safetensors");
  EXPECT_EQ(spec_.model().base().digest(),
            SeedDigest(**SafetensorsFile::Open(Path("data/base.safetensors")))
                .ToBytes());
}

TEST_F(ResolveBaseTest, AnotherFileInItsPlaceIsResolvedAgain) {
  ASSERT_TRUE(ResolveSpec(spec_, {.base_dir = directory_}).ok());
  const std::string before = spec_.model().base().digest();
  WriteSeed("data/base.safetensors", {2, 3}, 2);
  const absl::Status status = ResolveSpec(spec_, {.base_dir = directory_});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_NE(spec_.model().base().digest(), before);
}

TEST_F(ResolveBaseTest, AMissingBaseIsNamed) {
  spec_.mutable_model()->mutable_base()->set_path("data/none.safetensors");
  EXPECT_THAT(Failure(), ::testing::AllOf(StartsWith("model.base.path: /"),
                                          HasSubstr("No such file")));
}

TEST_F(ResolveBaseTest, ABaseOfAnotherShapeIsNamed) {
  WriteSeed("data/base.safetensors", {2, 4}, 1);
  EXPECT_THAT(Failure(),
              ::testing::AllOf(StartsWith("model.base.path: /"),
                               HasSubstr("layers.0.weight has shape [2, 4]; "
                                         "seeds[0] has [2, 3]")));
}

TEST_F(ResolveBaseTest, NanInABaseIsNamed) {
  WriteSeed("data/base.safetensors", {2, 3},
            std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT(Failure(), ::testing::AllOf(StartsWith("model.base.path: /"),
                                          HasSubstr("layers.0.weight")));
}

TEST_F(ResolveBaseTest, APatternThatMatchesNothingIsNamed) {
  spec_.mutable_model()->mutable_chromosomes(1)->add_tensors("*.attn.*");
  EXPECT_THAT(Failure(), StartsWith("model.chromosomes[1].tensors[1]: no "
                                    "tensor of the seeds matches"));
}

class ResolveRandomSeedsTest : public ResolveTest {
 protected:
  void SetUp() override {
    ResolveTest::SetUp();
    for (v1::SeedSpec& seed : *spec_.mutable_seeds()) {
      seed.clear_path();
      seed.set_random(true);
    }
    spec_.mutable_model()->add_layers(2);
    spec_.mutable_model()->add_layers(3);
    spec_.mutable_model()->set_init_sigma(0.01);
    spec_.set_random_seed(7);
  }
};

// Digests by Python's struct and hashlib, from docs/formats.md.
TEST_F(ResolveRandomSeedsTest, FillsInWhatTheLayersSay) {
  const absl::Status status =
      ResolveSpec(spec_, {.base_dir = directory_, .models_root = Path("data")});
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(spec_.model().tensors_size(), 2);
  EXPECT_EQ(spec_.model().tensors(0).name(), "layers.0.weight");
  EXPECT_THAT(spec_.model().tensors(0).shape(), ::testing::ElementsAre(2, 3));
  EXPECT_EQ(spec_.model().tensors(1).name(), "layers.0.bias");
  EXPECT_THAT(spec_.model().tensors(1).shape(), ::testing::ElementsAre(3));
  EXPECT_EQ(spec_.seeds(0).path(), "");
  EXPECT_EQ(Digest::FromBytes(spec_.seeds(0).digest())->ToHex(),
            "9cde6acd5e3b7a2c0fe406fb6aee5a1c566cc13ecae030976a70f1abc2a2a57f");
  EXPECT_EQ(Digest::FromBytes(spec_.seeds(1).digest())->ToHex(),
            "a4f621527770483f30baa8f0936cfecee4ba81cb33cb9aedaf995ac408a713a5");
  EXPECT_EQ(spec_.tasks(0).search().file(), "set.csv");
  EXPECT_EQ(spec_.tasks(0).search().rows(), 3);
}

TEST_F(ResolveRandomSeedsTest, DataMustBeAsWideAsTheFirstLayer) {
  spec_.mutable_model()->set_layers(0, 3);
  EXPECT_THAT(Failure(),
              ::testing::AllOf(StartsWith("tasks[0].search.file: /"),
                               HasSubstr("data/set.csv:1: expected 4 columns, "
                                         "the 3 inputs of the seeds and the "
                                         "label; got 3")));
}

TEST_F(ResolveRandomSeedsTest, LabelsMustBeBelowTheLastLayer) {
  spec_.mutable_model()->set_layers(1, 2);
  EXPECT_THAT(Failure(),
              ::testing::AllOf(StartsWith("tasks[0].search.file: /"),
                               HasSubstr("data/set.csv:3: label 2")));
}

TEST(Examples, TheOneFromScratchIsThePapersExperiment) {
  const std::string folder = MERGANSER_SOURCE_DIR "/examples";
  auto spec = LoadCampaignFile(folder + "/digits-scratch.yaml");
  ASSERT_TRUE(spec.ok()) << spec.status();
  const absl::Status status = ResolveSpec(*spec, {.base_dir = folder});
  ASSERT_TRUE(status.ok()) << status;
  const absl::Status valid = ValidateSpec(*spec, {.require_resolved = true});
  EXPECT_TRUE(valid.ok()) << valid;
  EXPECT_THAT(spec->model().layers(), ::testing::ElementsAre(64, 256, 10));
  EXPECT_EQ(spec->model().init_sigma(), 0.01);
  EXPECT_EQ(spec->search().mutation_sigma(), 0.01);
  EXPECT_EQ(spec->search().population(), 20);
  EXPECT_EQ(spec->budget().evaluations(), 50000);
  const auto other = LoadCampaignFile(folder + "/digits-pretrained.yaml");
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(spec->tasks(0).search().end_row(),
            other->tasks(0).search().end_row());
  EXPECT_EQ(spec->tasks(0).holdout().first_row(),
            other->tasks(0).holdout().first_row());
}

TEST(DirectoryOf, IsTheFolderOfTheFile) {
  EXPECT_EQ(DirectoryOf("examples/x.yaml"), "examples");
  EXPECT_EQ(DirectoryOf("x.yaml"), "");
  EXPECT_EQ(DirectoryOf("/x.yaml"), "/");
}

}  // namespace
}  // namespace merganser
