#include "worker/models/attention_groups.h"

#include <map>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace merganser {
namespace {

// Rows of the keys that the token at `index` of the segment sees, in order.
std::vector<int64_t> SeenRows(const SegmentStep& segment, int64_t index,
                              int64_t window) {
  std::vector<int64_t> rows;
  for (const KeyRange& range : segment.keys) {
    for (int64_t row = range.begin; row < range.end; ++row) rows.push_back(row);
  }
  const int64_t position = segment.position + index;
  rows.resize(position + 1);
  if (position + 1 > window) rows.erase(rows.begin(), rows.end() - window);
  return rows;
}

ForestStep RandomStep(std::mt19937& random) {
  ForestStep step;
  int64_t row = 0;
  for (int i = 0; i < 12; ++i) {
    SegmentStep segment;
    segment.first = std::ssize(step.tokens);
    segment.count = 1 + random() % 30;
    const int64_t before = random() % 90;
    segment.position = before;
    segment.keys = {
        {row, row + before / 2},
        {row + 200, row + 200 + before - before / 2 + segment.count}};
    row += 500;
    step.tokens.resize(step.tokens.size() + segment.count);
    step.segments.push_back(segment);
  }
  return step;
}

std::map<int64_t, std::vector<int64_t>> SeenByGroups(
    const std::vector<AttentionGroup>& groups) {
  std::map<int64_t, std::vector<int64_t>> seen;
  for (const AttentionGroup& group : groups) {
    for (size_t i = 0; i < group.valid.size(); ++i) {
      const int64_t query = group.valid[i];
      EXPECT_EQ(group.query_tokens[query], group.valid_tokens[i]);
      const auto [entry, added] = seen.try_emplace(group.valid_tokens[i]);
      EXPECT_TRUE(added);
      for (int64_t k = 0; k < group.keys; ++k) {
        if (group.mask[query * group.keys + k] != 0) continue;
        entry->second.push_back(
            group.key_rows[query / group.queries * group.keys + k]);
      }
    }
  }
  return seen;
}

TEST(AttentionGroupsTest, EveryTokenSeesItsKeysOnce) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    const ForestStep step = RandomStep(random);
    const int64_t window = round % 2 == 0 ? 16 : 1 << 20;
    const int64_t scores = round % 3 == 0 ? 50 : 20000;
    const auto groups = GroupForAttention(step, window, scores);
    const auto seen = SeenByGroups(groups);
    EXPECT_EQ(seen.size(), step.tokens.size());
    for (const SegmentStep& segment : step.segments) {
      for (int64_t i = 0; i < segment.count; ++i) {
        EXPECT_EQ(seen.at(segment.first + i), SeenRows(segment, i, window));
      }
    }
    for (const AttentionGroup& group : groups) {
      EXPECT_TRUE(std::ssize(group.mask) <= scores ||
                  group.segments * group.queries == 1);
    }
  }
}

}  // namespace
}  // namespace merganser
