#include "common/checkpoint/checkpoint_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/checkpoint/checkpoint.h"
#include "common/checkpoint/derived_files.h"
#include "common/storage/test_files.h"

namespace merganser {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr char kMarker[] = "made_here.json";

std::shared_ptr<const Checkpoint> OpenReference(const std::string& name) {
  return *Checkpoint::Open(std::string(MERGANSER_SOURCE_DIR) +
                           "/tests/data/llm/" + name);
}

std::vector<TensorOutline> OutlinesOf(const Checkpoint& checkpoint) {
  std::vector<TensorOutline> outlines;
  for (const TensorSlice& tensor : checkpoint.layout().tensors) {
    outlines.push_back({tensor.name, checkpoint.dtype(), tensor.shape});
  }
  return outlines;
}

// Writes a copy of a checkpoint, its tensors' halves last to first.
absl::Status WriteCopy(const Checkpoint& checkpoint,
                       const CheckpointWriter::Options& options) {
  const std::vector<TensorOutline> outlines = OutlinesOf(checkpoint);
  auto writer = CheckpointWriter::Create(options, outlines);
  if (!writer.ok()) return writer.status();
  for (size_t i = outlines.size(); i-- > 0;) {
    const auto bytes = checkpoint.Tensor(outlines[i].name)->bytes;
    const size_t half = bytes.size() / 2;
    EXPECT_TRUE((*writer)
                    ->Write(i, static_cast<int64_t>(half), bytes.subspan(half))
                    .ok());
    EXPECT_TRUE((*writer)->Write(i, 0, bytes.first(half)).ok());
  }
  EXPECT_TRUE((*writer)->AddFile(kMarker, "{}").ok());
  EXPECT_TRUE(AddDerivedFiles(checkpoint, checkpoint.dtype(),
                              checkpoint.config().layers, **writer)
                  .ok());
  return (*writer)->Commit();
}

std::string DigestHex(const Checkpoint& checkpoint) {
  ThreadTeam team(1);
  return checkpoint.digest(team).ToHex();
}

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

TEST(CheckpointWriterTest, WritesOneFileThatIsTheSameModel) {
  const TestFolder parent;
  const auto seed = OpenReference("tiny-llama-b");
  const std::string folder = parent.File("deep/out");
  ASSERT_TRUE(
      WriteCopy(*seed, {.folder = folder + "/", .marker_file = kMarker}).ok());
  EXPECT_THAT(NamesIn(parent.File("deep")), ElementsAre("out"));
  EXPECT_THAT(NamesIn(folder),
              UnorderedElementsAre("config.json", "generation_config.json",
                                   kMarker, "model.safetensors",
                                   "tokenizer.json", "tokenizer_config.json"));
  const auto copy = *Checkpoint::Open(folder);
  EXPECT_EQ(DigestHex(*copy), DigestHex(*seed));
  EXPECT_EQ(copy->config(), seed->config());
  EXPECT_EQ(copy->generation(), seed->generation());
}

TEST(CheckpointWriterTest, ShardsHoldTheTensorsInTextOrder) {
  const TestFolder parent;
  const auto seed = OpenReference("tiny-llama-rope3");
  const std::string folder = parent.File("out");
  // lm_head and the embedding have 66,560 bytes each.
  ASSERT_TRUE(WriteCopy(*seed, {.folder = folder,
                                .marker_file = kMarker,
                                .max_shard_bytes = 133'120})
                  .ok());
  const auto copy = *Checkpoint::Open(folder);
  EXPECT_EQ(DigestHex(*copy), DigestHex(*seed));
  const std::string first = folder + "/model-00001-of-00005.safetensors";
  EXPECT_THAT(copy->weight_files(),
              ElementsAre(first, testing::_, testing::_, testing::_,
                          folder + "/model-00005-of-00005.safetensors"));
  EXPECT_THAT((*SafetensorsFile::Open(first))->names(),
              ElementsAre("lm_head.weight", "model.embed_tokens.weight"));
  std::ifstream stream(folder + "/model.safetensors.index.json");
  EXPECT_EQ(json::parse(stream)["metadata"]["total_size"], 4 * 135'392);
  // What every weights loader of transformers looks for.
  EXPECT_EQ((*SafetensorsFile::Open(first))->metadata().at("format"), "pt");
}

TEST(CheckpointWriterTest, ATensorLargerThanAShardHasItsOwn) {
  const TestFolder parent;
  const auto seed = OpenReference("tiny-llama-rope3");
  const std::string folder = parent.File("out");
  ASSERT_TRUE(WriteCopy(*seed, {.folder = folder,
                                .marker_file = kMarker,
                                .max_shard_bytes = 1})
                  .ok());
  EXPECT_EQ((*Checkpoint::Open(folder))->weight_files().size(),
            seed->layout().tensors.size());
}

TEST(CheckpointWriterTest, LeavesNothingWithoutACommit) {
  const TestFolder parent;
  const auto seed = OpenReference("tiny-llama-rope3");
  {
    auto writer = CheckpointWriter::Create(
        {.folder = parent.File("out"), .marker_file = kMarker},
        OutlinesOf(*seed));
    ASSERT_TRUE(writer.ok());
    EXPECT_EQ(NamesIn(parent.path()).size(), 1);
  }
  EXPECT_THAT(NamesIn(parent.path()), IsEmpty());
}

TEST(CheckpointWriterTest, SaysThatTheDiskIsFullBeforeAnythingIsMade) {
  const TestFolder parent;
  const std::vector<TensorOutline> outlines = {
      {"weight", DType::kF32, {int64_t{1} << 44}}};
  const absl::Status status =
      CheckpointWriter::Create(
          {.folder = parent.File("out"), .marker_file = kMarker}, outlines)
          .status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("take room"));
  EXPECT_THAT(NamesIn(parent.path()), IsEmpty());
}

TEST(CheckpointWriterTest, ReplacesOnlyItsOwnWork) {
  const TestFolder parent;
  const auto seed = OpenReference("tiny-llama-rope3");
  const CheckpointWriter::Options options{.folder = parent.File("out"),
                                          .marker_file = kMarker};
  fs::create_directory(options.folder);
  ASSERT_TRUE(WriteCopy(*seed, options).ok()) << "an empty folder is taken";
  const auto other = OpenReference("tiny-llama-a");
  ASSERT_TRUE(WriteCopy(*other, options).ok());
  EXPECT_EQ(DigestHex(**Checkpoint::Open(options.folder)), DigestHex(*other));
  fs::remove(options.folder + "/" + kMarker);
  const absl::Status status = WriteCopy(*seed, options);
  EXPECT_EQ(status, absl::FailedPreconditionError(
                        options.folder +
                        ": is not empty and has no made_here.json; choose "
                        "another --output"));
  EXPECT_EQ(DigestHex(**Checkpoint::Open(options.folder)), DigestHex(*other));
  EXPECT_THAT(NamesIn(parent.path()), ElementsAre("out"));
}

TEST(DerivedFilesTest, TheConfigSaysWhatTheWeightsAre) {
  const json old_style = json::parse(*DerivedConfigJson(
      *OpenReference("tiny-llama-a"), DType::kBF16, /*layers=*/5));
  EXPECT_EQ(old_style["torch_dtype"], "bfloat16");
  EXPECT_FALSE(old_style.contains("dtype"));
  EXPECT_EQ(old_style["num_hidden_layers"], 5);
  EXPECT_EQ(old_style["vocab_size"], 520);
  const json new_style = json::parse(*DerivedConfigJson(
      *OpenReference("tiny-llama-b"), DType::kF16, /*layers=*/3));
  EXPECT_EQ(new_style["dtype"], "float16");
  EXPECT_FALSE(new_style.contains("torch_dtype"));
}

}  // namespace
}  // namespace merganser
