#include "common/campaign_spec/chromosomes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace merganser {
namespace {

ParameterLayout Tensors() {
  ParameterLayout layout;
  for (const char* name :
       {"model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight",
        "model.layers.0.mlp.up_proj.weight",
        "model.layers.1.self_attn.q_proj.weight", "model.norm.weight"}) {
    EXPECT_TRUE(AppendTensor(name, {3}, layout).ok());
  }
  return layout;
}

using Patterns = std::vector<std::pair<std::string, std::vector<std::string>>>;

absl::StatusOr<GenomeLayout> Group(const Patterns& chromosomes) {
  v1::ModelSpec model;
  for (const auto& [name, patterns] : chromosomes) {
    v1::ChromosomeSpec& chromosome = *model.add_chromosomes();
    chromosome.set_name(name);
    chromosome.mutable_tensors()->Add(patterns.begin(), patterns.end());
  }
  return GroupByPatterns(Tensors(), model);
}

std::string ErrorOf(const Patterns& chromosomes) {
  return std::string(Group(chromosomes).status().message());
}

TEST(GroupByPatternsTest, ATensorIsInTheFirstThatMatches) {
  const GenomeLayout layout =
      Group({{"attention", {"*.self_attn.*"}},
             {"ends", {"*embed*", "model.nor?.weight", "*.layers.0.self*"}},
             {"rest", {"*"}}})
          .value();
  ASSERT_EQ(layout.chromosomes.size(), 3u);
  EXPECT_EQ(layout.chromosomes[0].name, "attention");
  EXPECT_EQ(layout.chromosomes[0].tensors, (std::vector<int>{1, 3}));
  EXPECT_EQ(layout.chromosomes[0].group_starts, (std::vector<int64_t>{0, 3}));
  EXPECT_EQ(layout.chromosomes[1].tensors, (std::vector<int>{0, 4}));
  EXPECT_EQ(layout.chromosomes[2].tensors, (std::vector<int>{2}));
}

TEST(GroupByPatternsTest, WithoutAnyAllAreInOne) {
  EXPECT_EQ(Group({}).value(), SingleChromosome(Tensors()));
}

TEST(GroupByPatternsTest, WhatGetsNothingIsNamed) {
  EXPECT_EQ(
      ErrorOf({{"attention", {"*.self_attn.*", "*.attn.*"}}, {"rest", {"*"}}}),
      "model.chromosomes[0].tensors[1]: no tensor of the seeds matches "
      "\"*.attn.*\"; they begin with model.embed_tokens.weight");
  EXPECT_EQ(ErrorOf({{"all", {"*"}}, {"norm", {"*.norm.*"}}}),
            "model.chromosomes[1]: norm gets no tensor; those it has patterns "
            "for are in chromosomes before it");
  EXPECT_EQ(ErrorOf({{"layers", {"*.layers.*"}}, {"ends", {"*embed*"}}}),
            "model.chromosomes: no pattern matches the tensor "
            "model.norm.weight; a last chromosome with the pattern \"*\" takes "
            "the rest");
}

TEST(GroupByPatternsTest, PatternsAreThoseOfTheShell) {
  const auto first = [](const std::string& pattern) {
    return Group({{"first", {pattern}}, {"rest", {"*"}}})
        ->chromosomes[0]
        .tensors;
  };
  EXPECT_EQ(first("model.layers.[1-9].*"), (std::vector<int>{3}));
  EXPECT_EQ(first("model.layers.[!1].*"), (std::vector<int>{1, 2}));
  EXPECT_EQ(first("model.norm\\.weight"), (std::vector<int>{4}));
  EXPECT_EQ(first("model?norm?weight"), (std::vector<int>{4}));
  EXPECT_THAT(ErrorOf({{"a", {"model.norm"}}, {"rest", {"*"}}}),
              testing::HasSubstr("no tensor of the seeds matches"));
  EXPECT_THAT(ErrorOf({{"a", {"[model"}}, {"rest", {"*"}}}),
              testing::HasSubstr("\"[model\""));
}

TEST(GroupByPatternsTest, MorePatternsThanCanBeComparedAreRefused) {
  const std::vector<std::string> many(60'000, "*");
  EXPECT_THAT(ErrorOf({{"a", many}}),
              testing::HasSubstr("expected at most 52428 patterns in all for 5 "
                                 "tensors; got 60000"));
}

}  // namespace
}  // namespace merganser
