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
        Case{"TheFirstOfTwo",
             [](auto& spec) {
               spec.mutable_schedule()->set_window(1);
               spec.mutable_search()->set_alpha(0);
             },
             "search.alpha", "1", "0"}),
    [](const auto& info) { return info.param.name; });

TEST(SameSpecTest, TheBudgetIsNoDifference) {
  v1::CampaignSpec after = Spec();
  after.mutable_budget()->set_evaluations(5000);
  EXPECT_FALSE(FirstDifference(Spec(), after).has_value());
}

}  // namespace
}  // namespace merganser
