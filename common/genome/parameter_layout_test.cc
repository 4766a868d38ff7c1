#include "common/genome/parameter_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "common/genome/test_seeds.h"

namespace merganser {
namespace {

using testing::ElementsAre;

using Shapes = std::vector<std::pair<std::string, std::vector<int64_t>>>;

// A file of float32 tensors, all zero.
void WriteShapes(const std::string& path, const Shapes& shapes) {
  const std::vector<uint8_t> zeros(1 << 16);
  std::vector<TensorToWrite> tensors;
  for (const auto& [name, shape] : shapes) {
    size_t bytes = 4;
    for (const int64_t size : shape) bytes *= size;
    tensors.push_back(
        {name, DType::kF32, shape, std::span(zeros).first(bytes)});
  }
  ASSERT_TRUE(WriteSafetensors(path, tensors, {}).ok());
}

absl::StatusOr<ParameterLayout> LayoutOf(const std::string& path) {
  return MlpLayout(**SafetensorsFile::Open(path));
}

TEST(MlpLayoutTest, FollowsExecutionOrderWhateverTheFiles) {
  Shapes shapes;
  for (int layer = 10; layer >= 0; --layer) {
    const std::string name = "layers." + std::to_string(layer);
    shapes.push_back({name + ".bias", {3}});
    shapes.push_back({name + ".weight", {layer == 0 ? 2 : 3, 3}});
  }
  const TestFile file(".safetensors");
  WriteShapes(file.path(), shapes);
  const ParameterLayout layout = LayoutOf(file.path()).value();
  ASSERT_EQ(layout.tensors.size(), 22u);
  EXPECT_EQ(layout.tensors[0].name, "layers.0.weight");
  EXPECT_THAT(layout.tensors[0].shape, ElementsAre(2, 3));
  EXPECT_EQ(layout.tensors[1].name, "layers.0.bias");
  EXPECT_EQ(layout.tensors[1].offset, 6);
  EXPECT_EQ(layout.tensors[4].name, "layers.2.weight");
  EXPECT_EQ(layout.tensors[20].name, "layers.10.weight");
  EXPECT_EQ(layout.tensors[20].offset, 9 + 9 * 12);
  EXPECT_EQ(layout.length, 9 + 10 * 12);
}

// Offsets: mlp.json of the reference.
TEST(MlpLayoutTest, FitsTheSeedsOfTheExample) {
  const ParameterLayout layout =
      LayoutOf(MERGANSER_SOURCE_DIR
               "/examples/digits/seed_digits_0_to_4.safetensors")
          .value();
  std::vector<int64_t> offsets;
  for (const TensorSlice& slice : layout.tensors) {
    offsets.push_back(slice.offset);
  }
  EXPECT_THAT(offsets, ElementsAre(0, 16384, 16640, 19200));
  EXPECT_EQ(layout.length, 19210);
}

TEST(MlpLayoutOfWidthsTest, IsThatOfAFileWithTheseTensors) {
  const TestFile file(".safetensors");
  WriteShapes(file.path(), {{"layers.0.weight", {2, 5}},
                            {"layers.0.bias", {5}},
                            {"layers.1.weight", {5, 1}},
                            {"layers.1.bias", {1}},
                            {"layers.2.weight", {1, 3}},
                            {"layers.2.bias", {3}}});
  const auto layout = MlpLayoutOfWidths(std::vector<int64_t>{2, 5, 1, 3});
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(*layout, LayoutOf(file.path()).value());
  EXPECT_EQ(layout->length, 10 + 5 + 5 + 1 + 3 + 3);
}

TEST(MlpLayoutOfWidthsTest, FitsTheSeedsOfTheExample) {
  EXPECT_EQ(MlpLayoutOfWidths(std::vector<int64_t>{64, 256, 10}).value(),
            LayoutOf(MERGANSER_SOURCE_DIR
                     "/examples/digits/seed_digits_0_to_4.safetensors")
                .value());
}

TEST(MlpLayoutOfWidthsTest, NeedsFeaturesAndClasses) {
  EXPECT_EQ(std::string(
                MlpLayoutOfWidths(std::vector<int64_t>{3}).status().message()),
            "expected at least 2 widths, features and classes; got 1");
  EXPECT_EQ(MlpLayoutOfWidths(std::vector<int64_t>{3, 1})->length, 4);
}

TEST(MlpLayoutOfWidthsTest, WidthsThatAreNoneAreRefused) {
  for (const int64_t width : {int64_t{0}, int64_t{-1}}) {
    const auto layout = MlpLayoutOfWidths(std::vector<int64_t>{3, width});
    EXPECT_EQ(std::string(layout.status().message()),
              "layers.0.weight has shape [3, " + std::to_string(width) +
                  "]; expected extents of at least 1, and fewer than 2^63 "
                  "elements in all");
  }
}

TEST(AppendTensorTest, FillsIn63BitsAndNoMore) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  ParameterLayout layout;
  ASSERT_TRUE(AppendTensor("a", {kMost - 1}, layout).ok());
  EXPECT_FALSE(AppendTensor("b", {2}, layout).ok());
  EXPECT_FALSE(
      AppendTensor("b", {int64_t{1} << 32, int64_t{1} << 32}, layout).ok());
  EXPECT_EQ(layout.tensors.size(), 1u) << "unchanged by an error";
  EXPECT_TRUE(AppendTensor("b", {1}, layout).ok());
  EXPECT_EQ(layout.length, kMost);
  EXPECT_EQ(layout.tensors[1].offset, kMost - 1);
}

struct BadMlp {
  const char* name;
  Shapes shapes;
  std::string error;  // after the path and ": "
};

void PrintTo(const BadMlp& mlp, std::ostream* stream) { *stream << mlp.name; }

class BadMlpTest : public testing::TestWithParam<BadMlp> {};

TEST_P(BadMlpTest, IsRefusedNamingTheTensor) {
  const TestFile file(".safetensors");
  WriteShapes(file.path(), GetParam().shapes);
  const absl::Status status = LayoutOf(file.path()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()),
            file.path() + ": " + GetParam().error);
}

const char kEvery[] =
    "; expected layers.<i>.weight and layers.<i>.bias for every i from 0 on";
const char kNames[] = "; an mlp has layers.<i>.weight and layers.<i>.bias";

INSTANTIATE_TEST_SUITE_P(
    Mlps, BadMlpTest,
    testing::Values(
        BadMlp{
            "Empty", {}, "has no tensor layers.0.weight" + std::string(kEvery)},
        BadMlp{"NoFirstLayer",
               {{"layers.1.weight", {2, 3}}, {"layers.1.bias", {3}}},
               "has no tensor layers.0.weight" + std::string(kEvery)},
        BadMlp{"NoBias",
               {{"layers.0.weight", {2, 3}}},
               "has no tensor layers.0.bias" + std::string(kEvery)},
        BadMlp{"Gap",
               {{"layers.0.weight", {2, 3}},
                {"layers.0.bias", {3}},
                {"layers.2.weight", {3, 3}},
                {"layers.2.bias", {3}}},
               "has no tensor layers.1.weight" + std::string(kEvery)},
        BadMlp{"WeightIsAVector",
               {{"layers.0.weight", {6}}, {"layers.0.bias", {3}}},
               "layers.0.weight has shape [6]; expected [in][out], a matrix"},
        BadMlp{"BiasOfAnotherWidth",
               {{"layers.0.weight", {2, 3}}, {"layers.0.bias", {2}}},
               "layers.0.bias has shape [2]; expected [3], the width of "
               "layers.0.weight"},
        BadMlp{"BiasIsAMatrix",
               {{"layers.0.weight", {2, 3}}, {"layers.0.bias", {3, 1}}},
               "layers.0.bias has shape [3, 1]; expected [3], the width of "
               "layers.0.weight"},
        BadMlp{
            "LayersDoNotChain",
            {{"layers.0.weight", {2, 3}},
             {"layers.0.bias", {3}},
             {"layers.1.weight", {4, 2}},
             {"layers.1.bias", {2}}},
            "layers.1.weight has shape [4, 2]; expected in = 3, the width of "
            "layers.0"},
        BadMlp{
            "NoElements",
            {{"layers.0.weight", {2, 0}}, {"layers.0.bias", {0}}},
            "layers.0.weight has shape [2, 0]; expected at least one element"},
        BadMlp{"UnknownName",
               {{"layers.0.scale", {1}}},
               "unknown tensor layers.0.scale" + std::string(kNames)},
        BadMlp{"LeadingZero",
               {{"layers.00.weight", {1, 1}}},
               "unknown tensor layers.00.weight" + std::string(kNames)},
        BadMlp{"NegativeLayer",
               {{"layers.-1.weight", {1, 1}}},
               "unknown tensor layers.-1.weight" + std::string(kNames)}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(GenomeLayoutTest, TheBlockIsTheSmallestThatGivesAtMost65536Blocks) {
  struct Row {
    int64_t length, block, blocks;
  };
  for (const auto& [length, block, blocks] : {Row{1, 1, 1},
                                              {65536, 1, 65536},
                                              {65537, 2, 32769},
                                              {131072, 2, 65536},
                                              {200003, 4, 50001},
                                              {7'000'000'000, 106812, 65536}}) {
    const GenomeLayout layout = SingleChromosome(VectorsOf({length}));
    EXPECT_EQ(layout.chromosomes[0].block, block) << length;
    EXPECT_EQ(layout.chromosomes[0].blocks, blocks) << length;
  }
}

TEST(LayerOfTest, EndsAtTheFirstNumber) {
  EXPECT_EQ(LayerOf("model.layers.13.mlp.up_proj.weight"), "model.layers.13");
  EXPECT_EQ(LayerOf("layers.0.weight"), "layers.0");
  EXPECT_EQ(LayerOf("model.embed_tokens.weight"), "model.embed_tokens");
  EXPECT_EQ(LayerOf("norm"), "norm");
}

// A model of two layers in blocks of 2 elements: 8 + 60'001 + 5'004 + 6 + 1.
ParameterLayout TwoLayers() {
  ParameterLayout layout;
  for (const auto& [name, length] :
       std::vector<std::pair<std::string, int64_t>>{
           {"model.embed_tokens.weight", 8},
           {"model.layers.0.mlp.weight", 60'000},
           {"model.layers.0.norm.weight", 1},
           {"model.layers.1.mlp.weight", 5'003},
           {"model.layers.1.norm.weight", 1},
           {"model.norm.weight", 6},
           {"lm_head.weight", 3'001}}) {
    EXPECT_TRUE(AppendTensor(name, {length}, layout).ok());
  }
  return layout;
}

TEST(LayerGroupsTest, AreLayersAndWhatIsBeforeAndBehindThem) {
  EXPECT_EQ(LayerGroups(TwoLayers()),
            (std::vector<std::string>{"embedding", "model.layers.0",
                                      "model.layers.0", "model.layers.1",
                                      "model.layers.1", "head", "head"}));
  EXPECT_EQ(LayerGroups(VectorsOf({1, 2})),
            (std::vector<std::string>{"embedding", "embedding"}));
}

TEST(SplitGridTest, BeginsAnewAtEachLayer) {
  const GenomeLayout layout = SingleChromosome(TwoLayers());
  const ChromosomeLayout& grid = layout.chromosomes[0];
  EXPECT_EQ(grid.length, 68'020);
  EXPECT_EQ(grid.block, 2);
  EXPECT_EQ(grid.group_starts, (std::vector<int64_t>{0, 8, 60'009, 65'013}));
  EXPECT_EQ(grid.restarts, (std::vector<int64_t>{8, 60'009, 65'013}));
  // Every start, by walking over the elements.
  std::vector<int64_t> starts;
  for (size_t g = 0; g < 4; ++g) {
    const int64_t end = g < 3 ? grid.group_starts[g + 1] : grid.length;
    for (int64_t i = grid.group_starts[g]; i < end; i += 2) starts.push_back(i);
  }
  ASSERT_EQ(grid.blocks, static_cast<int64_t>(starts.size()));
  size_t block = 0;
  for (int64_t i = 0; i < grid.length; ++i) {
    if (block + 1 < starts.size() && starts[block + 1] == i) ++block;
    ASSERT_EQ(grid.BlockOf(i), static_cast<int64_t>(block)) << i;
    ASSERT_EQ(grid.IsStart(i), starts[block] == i) << i;
  }
  for (size_t b = 0; b < starts.size(); ++b) {
    ASSERT_EQ(grid.StartOf(static_cast<int64_t>(b)), starts[b]);
  }
  EXPECT_EQ(grid.StartOf(grid.blocks), grid.length);
  EXPECT_EQ(grid.BlockOf(grid.length), grid.blocks);
}

TEST(SplitGridTest, HasNoRestartsWithBlocksOfOneElement) {
  ParameterLayout parameters;
  ASSERT_TRUE(AppendTensor("layers.0.weight", {3}, parameters).ok());
  ASSERT_TRUE(AppendTensor("layers.1.weight", {4}, parameters).ok());
  const ChromosomeLayout grid = SingleChromosome(parameters).chromosomes[0];
  EXPECT_EQ(grid.group_starts, (std::vector<int64_t>{0, 3}));
  EXPECT_TRUE(grid.restarts.empty());
  EXPECT_EQ(grid.blocks, 7);
}

TEST(GenomeLayoutTest, GroupsWholeTensors) {
  const std::vector<TensorGroup> groups = {{"x", {2, 0}}, {"y", {1}}};
  const GenomeLayout layout =
      GroupTensors(VectorsOf({10, 20, 30}), groups).value();
  EXPECT_EQ(layout.chromosomes[0].name, "x");
  EXPECT_EQ(layout.chromosomes[0].length, 40);
  EXPECT_EQ(layout.chromosomes[1].length, 20);
  EXPECT_EQ(layout.places[0], (GenomeLayout::Place{0, 30}));
  EXPECT_EQ(layout.places[1], (GenomeLayout::Place{1, 0}));
  EXPECT_EQ(layout.places[2], (GenomeLayout::Place{0, 0}));
}

TEST(GenomeLayoutTest, EveryTensorIsInOneChromosome) {
  const auto error = [](const std::vector<TensorGroup>& groups) {
    return std::string(
        GroupTensors(VectorsOf({10, 20}), groups).status().message());
  };
  EXPECT_EQ(error({{"x", {0}}}), "t1 is in no chromosome");
  EXPECT_EQ(error({{"x", {0}}, {"y", {1, 0}}}),
            "chromosome y: tensor 0 does not exist, or is in a chromosome "
            "already");
  EXPECT_EQ(error({{"x", {0, 2}}}),
            "chromosome x: tensor 2 does not exist, or is in a chromosome "
            "already");
  EXPECT_EQ(error({{"x", {0, 1}}, {"y", {}}}), "chromosome y: has no elements");
}

TEST(CheckSameLayoutTest, NamesTheFirstDifference) {
  const auto check = [](const ParameterLayout& actual) {
    ParameterLayout expected = VectorsOf({256, 10});
    expected.tensors[0].shape = {64, 4};
    return std::string(
        CheckSameLayout(expected, "seeds[0]", actual, "seeds[1]").message());
  };
  ParameterLayout layout = VectorsOf({256, 10});
  layout.tensors[0].shape = {64, 4};
  EXPECT_EQ(check(layout), "");
  layout.tensors[0].shape = {4, 64};
  EXPECT_EQ(check(layout),
            "seeds[1]: t0 has shape [4, 64]; seeds[0] has [64, 4]");
  layout.tensors[0].shape = {64, 4};
  layout.tensors[1].name = "other";
  EXPECT_EQ(check(layout),
            "seeds[1]: has tensor other; seeds[0] has t1 in its place");
  layout.tensors.pop_back();
  EXPECT_EQ(check(layout), "seeds[1]: has no tensor t1; seeds[0] has one");
  layout = VectorsOf({256, 10, 5});
  layout.tensors[0].shape = {64, 4};
  EXPECT_EQ(check(layout),
            "seeds[1]: has tensor t2; seeds[0] has none of that name");
}

}  // namespace
}  // namespace merganser
