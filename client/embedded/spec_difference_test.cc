#include "client/embedded/spec_difference.h"

#include <functional>
#include <string>

#include "gtest/gtest.h"

namespace merganser {
namespace {

v1::CampaignSpec Spec() {
  v1::CampaignSpec spec;
  spec.set_name("digits");
  spec.mutable_model()->set_family("mlp");
  for (const char* name : {"low", "high"}) {
    v1::SeedSpec& seed = *spec.add_seeds();
    seed.set_name(name);
    seed.set_path(std::string("/data/") + name);
    seed.set_digest(std::string(32, 'd'));
  }
  v1::TaskSpec& task = *spec.add_tasks();
  task.set_name("digits");
  task.mutable_search()->set_file("/data/digits.csv");
  task.mutable_search()->set_digest(std::string(32, 'e'));
  task.mutable_search()->set_end_row(100);
  spec.mutable_search()->set_alpha(1);
  spec.mutable_search()->set_attraction(true);
  spec.mutable_search()->set_mix_high(1);
  spec.mutable_schedule()->set_window(32);
  spec.mutable_budget()->set_evaluations(1000);
  return spec;
}

struct Case {
  std::string name;
  std::function<void(v1::CampaignSpec&)> change;
  std::string field;
  std::string before;
  std::string after;
};

class SpecDifferenceTest : public ::testing::TestWithParam<Case> {};

TEST_P(SpecDifferenceTest, IsToldInTheWordsOfTheCampaignFile) {
  v1::CampaignSpec after = Spec();
  GetParam().change(after);
  const auto difference = FirstDifference(Spec(), after);
  ASSERT_TRUE(difference.has_value());
  EXPECT_EQ(difference->field, GetParam().field);
  EXPECT_EQ(difference->before, GetParam().before);
  EXPECT_EQ(difference->after, GetParam().after);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, SpecDifferenceTest,
    ::testing::Values(
        Case{"Number",
             [](auto& spec) { spec.mutable_search()->set_alpha(0.5); },
             "search.alpha", "1", "0.5"},
        Case{"Switch",
             [](auto& spec) { spec.mutable_search()->set_attraction(false); },
             "search.attraction", "true", "false"},
        Case{"Mix",
             [](auto& spec) { spec.mutable_search()->set_mix_low(-0.1); },
             "search.mix", "[0, 1]", "[-0.1, 1]"},
        Case{"Rows",
             [](auto& spec) {
               spec.mutable_tasks(0)->mutable_search()->set_end_row(90);
             },
             "tasks[0].search.rows", "[0, 100]", "[0, 90]"},
        Case{"Text",
             [](auto& spec) { spec.mutable_seeds(1)->set_licence("MIT"); },
             "seeds[1].licence", "nothing", "MIT"},
        Case{"SeedContents",
             [](auto& spec) {
               spec.mutable_seeds(0)->set_digest(std::string(32, 'x'));
             },
             "seeds[0].path", "other contents of the file",
             "contents that have changed"},
        Case{"DataContents",
             [](auto& spec) {
               spec.mutable_tasks(0)->mutable_search()->set_digest("x");
             },
             "tasks[0].search.file", "other contents of the file",
             "contents that have changed"},
        Case{"NumberOfSeeds", [](auto& spec) { spec.add_seeds(); }, "seeds",
             "2 of them", "3 of them"},
        Case{"Part",
             [](auto& spec) { spec.mutable_tasks(0)->mutable_holdout(); },
             "tasks[0].holdout", "none", "one"},
        Case{"RandomSeed", [](auto& spec) { spec.set_random_seed(7); },
             "random_seed", "0", "7"},
        Case{"Layers",
             [](auto& spec) {
               spec.mutable_model()->add_layers(64);
               spec.mutable_model()->add_layers(10);
             },
             "model.layers", "[]", "[64, 10]"},
        Case{"InitSigma",
             [](auto& spec) { spec.mutable_model()->set_init_sigma(0.01); },
             "model.init_sigma", "0", "0.01"},
        Case{"KindOfSeed",
             [](auto& spec) { spec.mutable_seeds(0)->set_random(true); },
             "seeds[0].random", "false", "true"},
        Case{"MutationSigma",
             [](auto& spec) { spec.mutable_search()->set_mutation_sigma(0.5); },
             "search.mutation_sigma", "0", "0.5"},
        Case{"TheFirstOfTwo",
             [](auto& spec) {
               spec.mutable_schedule()->set_window(1);
               spec.mutable_search()->set_alpha(0);
             },
             "search.alpha", "1", "0"}),
    [](const auto& info) { return info.param.name; });

// Their digests follow from it, and they have no file that could change.
TEST(SpecOfRandomSeedsTest, TheRandomSeedIsToldByItsName) {
  v1::CampaignSpec before = Spec();
  for (v1::SeedSpec& seed : *before.mutable_seeds()) {
    seed.clear_path();
    seed.set_random(true);
  }
  for (const int64_t width : {64, 256, 10}) {
    before.mutable_model()->add_layers(width);
  }
  EXPECT_FALSE(FirstDifference(before, before).has_value());

  v1::CampaignSpec after = before;
  after.set_random_seed(7);
  after.mutable_seeds(0)->set_digest(std::string(32, 'x'));
  const auto reseeded = FirstDifference(before, after);
  ASSERT_TRUE(reseeded.has_value());
  EXPECT_EQ(reseeded->field, "random_seed");
  EXPECT_FALSE(reseeded->file_changed);

  after.mutable_model()->set_layers(1, 128);
  const auto narrower = FirstDifference(before, after);
  ASSERT_TRUE(narrower.has_value());
  EXPECT_EQ(narrower->field, "model.layers");
  EXPECT_EQ(narrower->before, "[64, 256, 10]");
  EXPECT_EQ(narrower->after, "[64, 128, 10]");
}

TEST(SameSpecTest, TheBudgetIsNoDifference) {
  v1::CampaignSpec after = Spec();
  after.mutable_budget()->set_evaluations(5000);
  EXPECT_FALSE(FirstDifference(Spec(), after).has_value());
}

}  // namespace
}  // namespace merganser
