#include "worker/models/token_forest.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Sequences = std::vector<std::vector<int32_t>>;

std::vector<TokenIds> Spans(const Sequences& sequences) {
  return {sequences.begin(), sequences.end()};
}

TEST(SortedOrderTest, IsTextOrderAndStable) {
  const Sequences sequences = {{2, 1}, {1, 9}, {1}, {2, 1}, {1, 8, 8}};
  EXPECT_THAT(SortedOrder(Spans(sequences)), ElementsAre(2, 4, 1, 0, 3));
}

TEST(CommonPrefixTest, EndsWithTheShorterOne) {
  EXPECT_EQ(
      CommonPrefix(std::vector<int32_t>{1, 2, 3}, std::vector<int32_t>{1, 2}),
      2);
  EXPECT_EQ(CommonPrefix(std::vector<int32_t>{1, 2}, std::vector<int32_t>{2}),
            0);
}

TEST(TokenForestTest, StoresCommonPrefixesOnce) {
  const Sequences sequences = {{1, 2, 3},       {1, 2, 3}, {1, 2, 3, 4, 5},
                               {1, 2, 3, 4, 6}, {1, 3},    {7}};
  const std::vector<TokenIds> spans = Spans(sequences);
  const TokenForest forest(spans);
  // 1 2 3 | 4 5 | 6 | 3 | 7
  EXPECT_EQ(forest.rows(), 8);
  EXPECT_THAT(forest.Step(0, 8).tokens, ElementsAre(1, 2, 3, 4, 5, 6, 3, 7));
  EXPECT_THAT(forest.Step(0, 8).positions, ElementsAre(0, 1, 2, 3, 4, 4, 1, 0));
  EXPECT_THAT(forest.KeysOf(1), ElementsAre(KeyRange{0, 3}));
  EXPECT_THAT(forest.KeysOf(2), ElementsAre(KeyRange{0, 3}, KeyRange{3, 5}));
  EXPECT_THAT(forest.KeysOf(3),
              ElementsAre(KeyRange{0, 3}, KeyRange{3, 4}, KeyRange{5, 6}));
  EXPECT_THAT(forest.KeysOf(4), ElementsAre(KeyRange{0, 1}, KeyRange{6, 7}));
  EXPECT_THAT(forest.KeysOf(5), ElementsAre(KeyRange{7, 8}));
  EXPECT_EQ(forest.RowOf(3, 4), 5);
  EXPECT_EQ(forest.RowOf(3, 3), 3);
  EXPECT_EQ(forest.RowOf(4, 0), 0);
}

// A row's tokens, by its keys, are those of its sequence.
TEST(TokenForestTest, StepsMayBeginAndEndInsideSegments) {
  const Sequences sequences = {{1, 2, 3, 4, 5}, {1, 2, 9}};
  const std::vector<TokenIds> spans = Spans(sequences);
  const TokenForest forest(spans);
  const ForestStep step = forest.Step(3, 6);
  EXPECT_THAT(step.tokens, ElementsAre(4, 5, 9));
  EXPECT_THAT(step.rows, ElementsAre(3, 4, 5));
  EXPECT_THAT(step.positions, ElementsAre(3, 4, 2));
  ASSERT_EQ(step.segments.size(), 2);
  EXPECT_EQ(step.segments[0].first, 0);
  EXPECT_EQ(step.segments[0].count, 2);
  EXPECT_EQ(step.segments[0].position, 3);
  EXPECT_THAT(step.segments[0].keys, ElementsAre(KeyRange{0, 5}));
  EXPECT_EQ(step.segments[1].first, 2);
  EXPECT_EQ(step.segments[1].count, 1);
  EXPECT_EQ(step.segments[1].position, 2);
  EXPECT_THAT(step.segments[1].keys,
              ElementsAre(KeyRange{0, 2}, KeyRange{5, 6}));
}

TEST(TokenForestTest, MayBeEmpty) {
  const TokenForest forest({});
  EXPECT_EQ(forest.rows(), 0);
  EXPECT_THAT(forest.Step(0, 0).tokens, IsEmpty());
}

}  // namespace
}  // namespace merganser
