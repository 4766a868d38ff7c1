#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "common/campaign_spec/campaign_file.h"

namespace merganser {
namespace {

constexpr char kFile[] = R"(name: digits
model: {family: mlp}
seeds:
  - {name: a, path: a.safetensors}
tasks:
  - name: digits
    kind: classification
    search: {file: digits.csv}
    holdout: {file: digits.csv}
budget: {evaluations: 10}
)";

// The names that checks rely on.
TEST(Override, SetsEveryKeyThatIsPromised) {
  const auto spec = ParseCampaign(
      kFile, "x.yaml",
      {"search.method=m2n2", "search.population=5", "search.alpha=0.5",
       "search.attraction=false", "search.split_point=false",
       "search.crossover=false", "search.mix=[-0.1, 1.1]",
       "tasks[0].chunk_size=256", "tasks[0].search.file=/s.csv",
       "tasks[0].holdout.file=/h.csv", "schedule.mode=ordered",
       "schedule.window=1", "budget.evaluations=77", "random_seed=9"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->search().method(), "m2n2");
  EXPECT_EQ(spec->search().population(), 5);
  EXPECT_EQ(spec->search().alpha(), 0.5);
  EXPECT_FALSE(spec->search().attraction());
  EXPECT_FALSE(spec->search().split_point());
  EXPECT_FALSE(spec->search().crossover());
  EXPECT_EQ(spec->search().mix_low(), -0.1);
  EXPECT_EQ(spec->search().mix_high(), 1.1);
  EXPECT_EQ(spec->tasks(0).chunk_size(), 256);
  EXPECT_EQ(spec->tasks(0).search().file(), "/s.csv");
  EXPECT_EQ(spec->tasks(0).holdout().file(), "/h.csv");
  EXPECT_EQ(spec->schedule().mode(), "ordered");
  EXPECT_EQ(spec->schedule().window(), 1);
  EXPECT_EQ(spec->budget().evaluations(), 77);
  EXPECT_EQ(spec->random_seed(), 9);
}

TEST(Override, TheLastOneCounts) {
  const auto spec = ParseCampaign(
      kFile, "x.yaml", {"budget={evaluations: 5}", "budget.evaluations=6"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->budget().evaluations(), 6);
}

TEST(Override, ReplacesAWholeList) {
  const auto spec = ParseCampaign(
      kFile, "x.yaml", {"seeds=[{name: b, path: b}, {name: c, path: c}]"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->seeds_size(), 2);
}

TEST(Override, SetsAListOfNumbersAndOneOfThem) {
  const auto spec = ParseCampaign(
      kFile, "x.yaml",
      {"model.layers=[64,32,10]", "model.layers[1]=16", "seeds[0].random=true",
       "model.init_sigma=0.5", "search.mutation_sigma=1e-3"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_THAT(spec->model().layers(), ::testing::ElementsAre(64, 16, 10));
  EXPECT_TRUE(spec->seeds(0).random());
  EXPECT_EQ(spec->model().init_sigma(), 0.5);
  EXPECT_EQ(spec->search().mutation_sigma(), 0.001);
}

TEST(Override, NothingTakesAKeyAway) {
  const auto spec = ParseCampaign(kFile, "x.yaml", {"tasks[0].holdout="});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_FALSE(spec->tasks(0).has_holdout());
}

TEST(Override, TheValueMayHoldEqualsSigns) {
  const auto spec = ParseCampaign(kFile, "x.yaml", {"description=a=b"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->description(), "a=b");
}

struct BadRow {
  const char* name;
  const char* text;
  const char* message;
};

void PrintTo(const BadRow& row, std::ostream* out) { *out << row.name; }

class BadOverride : public ::testing::TestWithParam<BadRow> {};

TEST_P(BadOverride, IsRefusedByName) {
  const auto spec = ParseCampaign(kFile, "x.yaml", {GetParam().text});
  EXPECT_EQ(spec.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(spec.status().message()), GetParam().message);
}

constexpr char kExpected[] =
    ": expected key.path=value, as in tasks[0].chunk_size=256";

INSTANTIATE_TEST_SUITE_P(
    Rows, BadOverride,
    ::testing::Values(
        BadRow{"UnknownKey", "search.alhpa=1",
               "--set search.alhpa=1: search.alhpa: unknown key; did you mean "
               "search.alpha?"},
        BadRow{"UnknownKeyAtTheTop", "populatoin=1",
               "--set populatoin=1: populatoin: unknown key; expected one of "
               "name, description, model, seeds, tasks, search, schedule, "
               "budget, random_seed, device_class"},
        BadRow{"KeyOfAnotherMap", "population=1",
               "--set population=1: population: unknown key; did you mean "
               "search.population?"},
        BadRow{"IndexJustPastTheEnd", "tasks[1].chunk_size=1",
               "--set tasks[1].chunk_size=1: tasks: has 1 entry; expected an "
               "index below 1; got 1"},
        BadRow{"IndexOfAMap", "search[0].alpha=1",
               "--set search[0].alpha=1: search: is no list of entries; set it "
               "as a whole, without an index"},
        BadRow{"IndexOfAPair", "search.mix[0]=1",
               "--set search.mix[0]=1: search.mix: is no list of entries; set "
               "it as a whole, without an index"},
        BadRow{"ListWithoutAnIndex", "tasks.chunk_size=1",
               "--set tasks.chunk_size=1: tasks: has no keys of its own; got "
               "chunk_size"},
        BadRow{"KeyBelowANumber", "budget.evaluations.most=1",
               "--set budget.evaluations.most=1: budget.evaluations: has no "
               "keys of its own; got most"},
        BadRow{"KeyBelowAListOfNumbers", "model.layers.first=1",
               "--set model.layers.first=1: model.layers: has no keys of its "
               "own; got first"},
        BadRow{"IndexOfAListThatIsNotThere", "model.layers[0]=1",
               "--set model.layers[0]=1: model.layers: has 0 entries; got 0"},
        BadRow{"NumberInAListOutOfRange", "model.layers=[64, 1048577]",
               "--set model.layers=[64, 1048577]: model.layers[1]: expected 1 "
               "to 1048576; got 1048577"},
        BadRow{"WrongType", "search.alpha=one",
               "--set search.alpha=one: search.alpha: expected a number; got "
               "\"one\""},
        BadRow{"OutOfRange", "schedule.window=4097",
               "--set schedule.window=4097: schedule.window: expected 1 to "
               "4096; got 4097"},
        BadRow{"MissingBelowANewMap", "budget={}",
               "--set budget={}: budget.evaluations: is missing; expected "
               "the number of children to evaluate"}),
    [](const auto& row) { return row.param.name; });

TEST(Override, APathThatIsNoneIsRefused) {
  for (const std::string& text : std::vector<std::string>{
           "search.alpha", "=1", ".a=1", "search.=1", "tasks[=1", "tasks[]=1",
           "tasks[-1].weight=1", "tasks[0]weight=1", "tasks[0x]=1"}) {
    const auto spec = ParseCampaign(kFile, "x.yaml", {text});
    EXPECT_EQ(std::string(spec.status().message()),
              "--set " + text + kExpected);
  }
}

TEST(Override, AValueThatIsNoYamlIsRefused) {
  const auto spec = ParseCampaign(kFile, "x.yaml", {"search.mix=[0, 1"});
  EXPECT_THAT(
      std::string(spec.status().message()),
      ::testing::StartsWith("--set search.mix=[0, 1: is not valid YAML: "));
}

}  // namespace
}  // namespace merganser
