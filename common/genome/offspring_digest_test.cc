#include "common/genome/offspring_digest.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

namespace merganser {
namespace {

OffspringDefinition Definition() {
  return {.parent_a = Sha256("a"),
          .parent_b = Sha256("b"),
          .crossover = true,
          .draw = {{3, 70'000}, {0.25, 0.5}},
          .mutation = {{.campaign_seed = 42, .sequence_number = 7}, 0.01}};
}

// By Python's struct and hashlib, from docs/formats.md.
TEST(OffspringDigestTest, IsTheDocumentedSequenceOfBytes) {
  EXPECT_EQ(OffspringDigest(Definition()).ToHex(),
            "6114c756bb6dbad085f2ded1190c89e1923a552dd5cd9e4cf7bf5c0afdbd8b57");
}

// As above.
TEST(OffspringDigestTest, WithoutCrossoverThereIsNoDraw) {
  OffspringDefinition definition = Definition();
  definition.crossover = false;
  const Digest digest = OffspringDigest(definition);
  EXPECT_EQ(digest.ToHex(),
            "75bd5a65114ddcea88c79369ad61ec0fba5fa14664dd5a49ccb759256195e830");
  definition.draw = {};
  EXPECT_EQ(OffspringDigest(definition), digest);
}

TEST(OffspringDigestTest, DependsOnEveryPart) {
  using Edit = std::function<void(OffspringDefinition&)>;
  const Edit edits[] = {
      [](auto&) {},
      [](auto& d) { std::swap(d.parent_a, d.parent_b); },
      [](auto& d) { d.parent_b = d.parent_a; },
      [](auto& d) { d.crossover = false; },
      [](auto& d) { d.draw.split_blocks[1] = 69'999; },
      [](auto& d) { d.draw.mixes[0] = std::nextafter(0.25, 1); },
      [](auto& d) { d.draw = {{3}, {0.25}}; },
      [](auto& d) { d.mutation.sigma = 0; },
      [](auto& d) { d.mutation.key.campaign_seed = 43; },
      [](auto& d) { d.mutation.key.sequence_number = 8; },
  };
  std::set<Digest> digests;
  for (const Edit& edit : edits) {
    OffspringDefinition definition = Definition();
    edit(definition);
    digests.insert(OffspringDigest(definition));
  }
  EXPECT_EQ(digests.size(), std::size(edits));
}

ParameterLayout Lengths(const std::vector<int64_t>& lengths) {
  ParameterLayout layout;
  for (const int64_t length : lengths) {
    layout.tensors.push_back({"t", {length}, layout.length, length});
    layout.length += length;
  }
  return layout;
}

// By Python's struct and hashlib, from docs/formats.md.
TEST(RandomSeedDigestTest, IsTheDocumentedSequenceOfBytes) {
  EXPECT_EQ(RandomSeedDigest(Lengths({16'384, 256, 2'560, 10}), 0.1,
                             {.campaign_seed = 42, .sequence_number = -2})
                .ToHex(),
            "b7866e882c2c205cd69cf9e564e2cdfff887d211ce6f1bdd77ab6469bee43dd8");
}

TEST(RandomSeedDigestTest, DependsOnEveryPart) {
  const std::set<Digest> digests = {
      RandomSeedDigest(Lengths({6, 3}), 0.1, {42, -2}),
      RandomSeedDigest(Lengths({3, 6}), 0.1, {42, -2}),
      RandomSeedDigest(Lengths({9}), 0.1, {42, -2}),
      RandomSeedDigest(Lengths({6, 3}), 0.2, {42, -2}),
      RandomSeedDigest(Lengths({6, 3}), 0.1, {43, -2}),
      RandomSeedDigest(Lengths({6, 3}), 0.1, {42, -1}),
  };
  EXPECT_EQ(digests.size(), 6);
}

}  // namespace
}  // namespace merganser
