#include "client/cli/application.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/api/fake_coordinator.h"

namespace merganser {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Outcome {
  int code = 0;
  std::string out;
  std::string error;
};

// The command line as main() runs it, without the commands of main() alone.
Outcome Execute(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv = {"merganser"};
  for (const std::string& argument : arguments) {
    argv.push_back(argument.c_str());
  }
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Application application;
  AddBasicCommands(application);
  Outcome outcome;
  outcome.code = application.Run(static_cast<int>(argv.size()), argv.data());
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.error = ::testing::internal::GetCapturedStderr();
  return outcome;
}

// For the process of a death test.
void ExitWith(const std::vector<const char*>& arguments) {
  std::vector<const char*> argv = {"merganser"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  Application application;
  AddBasicCommands(application);
  _exit(application.Run(static_cast<int>(argv.size()), argv.data()));
}

void ExitWithAFullDisk() {
  // Whatever is written there fails as on a full disk.
  if (freopen("/dev/full", "w", stdout) == nullptr) _exit(0);
  ExitWith({"version"});
}

// Every line must be a JSON object.
std::vector<nlohmann::json> JsonLines(const std::string& text) {
  std::vector<nlohmann::json> objects;
  for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    objects.push_back(nlohmann::json::parse(std::string(line)));
    EXPECT_TRUE(objects.back().is_object());
  }
  return objects;
}

const std::string& Example() {
  static const auto* const path = new std::string(
      absl::StrCat(MERGANSER_SOURCE_DIR, "/examples/digits-pretrained.yaml"));
  return *path;
}

v1::Campaign Campaign(const std::string& name, v1::CampaignState state) {
  v1::Campaign campaign;
  campaign.set_name(name);
  campaign.set_uid(name);
  campaign.set_state(state);
  campaign.mutable_spec()->mutable_budget()->set_evaluations(2000);
  for (const char* seed : {"low", "high"}) {
    campaign.mutable_spec()->add_seeds()->set_name(seed);
  }
  v1::Progress& progress = *campaign.mutable_progress();
  progress.set_evaluations(1234);
  progress.set_coverage(0.5);
  progress.mutable_best()->set_candidate(77);
  progress.mutable_best()->set_search_accuracy(0.75);
  progress.set_archive_digest("\x12\x34");
  v1::SeedScore& seed = *progress.add_seeds();
  seed.set_name("low");
  seed.set_search_accuracy(0.25);
  seed.set_holdout_accuracy(0.125);
  campaign.mutable_create_time()->set_seconds(951782400);
  return campaign;
}

class ApplicationTest : public ::testing::Test {
 protected:
  ApplicationTest() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    coordinator_.Put(Campaign("x", v1::CAMPAIGN_STATE_RUNNING));
    coordinator_.Put(Campaign("y", v1::CAMPAIGN_STATE_COMPLETED));
    setenv("MERGANSER_COORDINATOR", coordinator_.address().c_str(), 1);
  }
  ~ApplicationTest() override { unsetenv("MERGANSER_COORDINATOR"); }

  FakeCoordinator coordinator_;
};

TEST_F(ApplicationTest, HelpListsCommandsAndExitCodes) {
  const Outcome outcome = Execute({"--help"});
  EXPECT_EQ(outcome.code, 0);
  for (const char* part :
       {"validate", "submit", "watch", "candidates", "lineage", "workers",
        "debug", "--coordinator", "MERGANSER_COORDINATOR", "--json",
        "Exit codes:", "  130  interrupted"}) {
    EXPECT_THAT(outcome.out, HasSubstr(part));
  }
}

TEST_F(ApplicationTest, EveryCommandHasHelpWithAnExample) {
  const std::vector<std::vector<std::string>> commands = {
      {"validate"}, {"submit"},  {"list"},   {"get"},           {"watch"},
      {"pause"},    {"resume"},  {"cancel"}, {"delete"},        {"candidates"},
      {"lineage"},  {"workers"}, {"debug"},  {"debug", "dump"}, {"version"}};
  for (std::vector<std::string> command : commands) {
    command.emplace_back("--help");
    const Outcome outcome = Execute(command);
    EXPECT_EQ(outcome.code, 0) << command[0];
    EXPECT_THAT(outcome.out, HasSubstr("Example:\n  merganser " + command[0]));
  }
}

TEST_F(ApplicationTest, HelpOfValidateListsTheKeysOfACampaignFile) {
  EXPECT_THAT(
      Execute({"validate", "--help"}).out,
      AllOf(HasSubstr("search.population: an integer, 2 to 1024, "
                      "default 20; slots of the archive"),
            HasSubstr("tasks[i].holdout.rows: "),
            HasSubstr("schedule.mode: ordered or async, default ordered")));
}

TEST_F(ApplicationTest, BadUsageGivesTwo) {
  const std::vector<std::vector<std::string>> lines = {
      {},
      {"nonsense"},
      {"get"},
      {"get", "x", "y"},
      {"list", "--nonsense"},
      {"lineage", "x", "one"},
      {"debug"},
      {"submit", Example(), "--set"},
      {"list", "--coordinator", "nonsense"}};
  for (const auto& line : lines) {
    const Outcome outcome = Execute(line);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.error, StartsWith("merganser"));
    EXPECT_EQ(outcome.out, "");
  }
}

TEST_F(ApplicationTest, SuggestsTheCommandAndTheOptionThatWereMeant) {
  EXPECT_EQ(Execute({"sumbit", "x"}).error,
            "merganser: unknown command sumbit; did you mean submit?\n");
  EXPECT_EQ(Execute({"submit", "x", "--wacth"}).error,
            "merganser submit: unknown option --wacth; did you mean "
            "--watch?\n");
}

TEST_F(ApplicationTest, ValidatesTheExample) {
  const Outcome outcome = Execute({"validate", Example()});
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(outcome.out,
            "campaign digits-pretrained is valid: 2 seed(s) of 19,210 "
            "parameters, 1 task(s), 1,437 search and 360 holdout datapoints, "
            "10,000 evaluations\n");
}

TEST_F(ApplicationTest, BadInputGivesTwoAndNamesTheField) {
  const Outcome misspelt =
      Execute({"submit", Example(), "--set", "serach.alpha=1"});
  EXPECT_EQ(misspelt.code, 2);
  EXPECT_EQ(misspelt.error,
            "merganser: --set serach.alpha=1: serach: unknown key; did you "
            "mean search?\n");
  const Outcome missing =
      Execute({"validate", Example(), "--set=seeds[1].path=/nowhere"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.error, HasSubstr("seeds[1].path: /nowhere"));
  EXPECT_EQ(Execute({"validate", "/nowhere.yaml"}).code, 2);
}

TEST_F(ApplicationTest, SubmitsWhatTheFileAndTheOverridesSay) {
  const Outcome outcome = Execute({"submit", Example(), "--set", "name=other",
                                   "--set", "budget.evaluations=7"});
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(outcome.out, "submitted; follow it with: merganser watch other\n");
  const v1::CampaignSpec spec = coordinator_.created().spec();
  EXPECT_EQ(spec.budget().evaluations(), 7);
  EXPECT_EQ(spec.tasks(0).holdout().rows(), 360);
  EXPECT_EQ(coordinator_.created().request_id().size(), 32);
}

TEST_F(ApplicationTest, OverridesMayStandBeforeTheFile) {
  const Outcome outcome =
      Execute({"submit", "--set", "name=other", Example(), "--json",
               "--models-root", MERGANSER_SOURCE_DIR});
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(JsonLines(outcome.out).at(0)["name"], "other");
  EXPECT_EQ(coordinator_.created().spec().tasks(0).search().file(),
            "examples/digits/digits.csv");
}

TEST_F(ApplicationTest, ANameThatIsTakenGivesFour) {
  const Outcome outcome = Execute({"submit", Example(), "--set", "name=x"});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_EQ(outcome.error, "merganser: name: the campaign x exists already\n");
}

TEST_F(ApplicationTest, WhatDoesNotExistGivesFour) {
  for (const char* command :
       {"get", "watch", "pause", "resume", "cancel", "delete"}) {
    const Outcome outcome = Execute({command, "z"});
    EXPECT_EQ(outcome.code, 4) << command;
    EXPECT_EQ(outcome.error, "merganser: campaign z does not exist\n");
  }
  EXPECT_EQ(Execute({"debug", "dump", "z"}).code, 4);
  EXPECT_EQ(Execute({"lineage", "x", "5"}).code, 4);
}

TEST_F(ApplicationTest, NoCoordinatorGivesThree) {
  coordinator_.Stop();
  for (const char* command : {"list", "workers"}) {
    const Outcome outcome = Execute({command});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_THAT(outcome.error,
                AllOf(StartsWith("merganser: cannot reach a coordinator at "),
                      HasSubstr("--coordinator or MERGANSER_COORDINATOR")));
  }
  EXPECT_EQ(Execute({"watch", "x"}).code, 3);
}

TEST_F(ApplicationTest, TheOptionCountsMoreThanTheEnvironment) {
  setenv("MERGANSER_COORDINATOR", "unix:/nowhere/socket", 1);
  EXPECT_EQ(Execute({"list"}).code, 3);
  EXPECT_EQ(Execute({"list", "--coordinator", coordinator_.address()}).code, 0);
  EXPECT_EQ(Execute({"--coordinator", coordinator_.address(), "list"}).code, 0);
}

TEST_F(ApplicationTest, ListsCampaigns) {
  const Outcome table = Execute({"list"});
  EXPECT_EQ(table.code, 0);
  EXPECT_EQ(
      table.out,
      "NAME  STATE      EVALUATIONS  BEST    HOLDOUT  COVERAGE  CREATED (UTC)\n"
      "x     running    1,234/2,000  0.7500  -        0.5000    2000-02-29 "
      "00:00:00\n"
      "y     completed  1,234/2,000  0.7500  -        0.5000    2000-02-29 "
      "00:00:00\n");
  const auto objects = JsonLines(Execute({"list", "--json"}).out);
  ASSERT_EQ(objects.size(), 2);
  EXPECT_EQ(objects[1]["name"], "y");
  EXPECT_EQ(objects[1]["state"], "CAMPAIGN_STATE_COMPLETED");
  EXPECT_EQ(objects[1]["progress"]["accepted"], "0");
}

TEST_F(ApplicationTest, ShowsOneCampaign) {
  const Outcome outcome = Execute({"get", "x"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("state           running\n"),
                                 HasSubstr("evaluations     1,234/2,000\n"),
                                 HasSubstr("archive digest  1234\n"),
                                 HasSubstr("MODEL     SEARCH  HOLDOUT\n"
                                           "low       0.2500  0.1250\n"
                                           "best: 77  0.7500  -\n")));
  EXPECT_EQ(JsonLines(Execute({"get", "x", "--json"}).out).at(0)["name"], "x");
}

TEST_F(ApplicationTest, ShowsNoMeasurementsBeforeThereAreAny) {
  v1::Campaign campaign = Campaign("x", v1::CAMPAIGN_STATE_RUNNING);
  campaign.clear_progress();
  coordinator_.Put(campaign);
  const Outcome outcome = Execute({"get", "x"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("evaluations     0/2,000\n"),
                                 HasSubstr("coverage        -\n"),
                                 HasSubstr("entropy         -\n"),
                                 HasSubstr("archive digest  -\n"),
                                 ::testing::Not(HasSubstr("MODEL"))));
}

TEST_F(ApplicationTest, HelpOfLineageSaysHowSeedsAreNumbered) {
  EXPECT_THAT(Execute({"lineage", "--help"}).out,
              AllOf(HasSubstr("-K"), HasSubstr("-1, the last")));
}

TEST_F(ApplicationTest, ChangesStates) {
  EXPECT_EQ(Execute({"pause", "x"}).out, "x: paused\n");
  EXPECT_EQ(Execute({"resume", "x"}).out, "x: running\n");
  EXPECT_EQ(Execute({"delete", "x"}).code, 4);
  EXPECT_EQ(JsonLines(Execute({"cancel", "x", "--json"}).out).at(0)["state"],
            "CAMPAIGN_STATE_CANCELLED");
  EXPECT_EQ(Execute({"delete", "x"}).out, "x: deleted\n");
  EXPECT_EQ(Execute({"get", "x"}).code, 4);
}

TEST_F(ApplicationTest, WatchEndsByTheStateOfTheCampaign) {
  const std::pair<v1::CampaignState, int> rows[] = {
      {v1::CAMPAIGN_STATE_COMPLETED, 0},
      {v1::CAMPAIGN_STATE_FAILED, 1},
      {v1::CAMPAIGN_STATE_CANCELLED, 1}};
  for (const auto& [state, code] : rows) {
    coordinator_.Put(Campaign("x", v1::CAMPAIGN_STATE_RUNNING));
    coordinator_.OnWatch(
        [this, state = state] { coordinator_.Put(Campaign("x", state)); });
    const Outcome outcome = Execute({"watch", "x"});
    EXPECT_EQ(outcome.code, code);
    EXPECT_THAT(outcome.out, StartsWith("x running  1,234/2,000"));
    EXPECT_EQ(outcome.error.empty(), code == 0);
  }
}

TEST_F(ApplicationTest, WatchPrintsOneObjectPerChange) {
  coordinator_.OnWatch([this] {
    coordinator_.Put(Campaign("x", v1::CAMPAIGN_STATE_COMPLETED));
  });
  const auto objects = JsonLines(Execute({"watch", "x", "--json"}).out);
  ASSERT_EQ(objects.size(), 2);
  EXPECT_EQ(objects[0]["state"], "CAMPAIGN_STATE_RUNNING");
  EXPECT_EQ(objects[1]["state"], "CAMPAIGN_STATE_COMPLETED");
}

TEST_F(ApplicationTest, SubmitFollowsTheCampaignWhereTold) {
  coordinator_.OnWatch([this] {
    v1::Campaign failed = Campaign("other", v1::CAMPAIGN_STATE_FAILED);
    failed.set_uid(coordinator_.created().request_id());
    failed.set_message("the seeds differ");
    coordinator_.Put(failed);
  });
  const Outcome outcome =
      Execute({"submit", Example(), "--watch", "--set", "name=other"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.error,
            "merganser: campaign other failed: the seeds differ\n");
}

TEST_F(ApplicationTest, AnInterruptionGives130) {
  coordinator_.OnWatch([] { kill(getpid(), SIGINT); });
  EXPECT_EXIT(ExitWith({"watch", "x"}), ::testing::ExitedWithCode(130),
              "interrupted; the campaign goes on: merganser watch x");
}

TEST_F(ApplicationTest, ListsCandidatesWithWhatTheyAreMadeOf) {
  v1::Candidate seed;
  seed.set_candidate(-2);
  seed.set_search_accuracy(0.5);
  v1::Candidate child;
  child.set_candidate(10);
  child.set_slot(3);
  child.set_holdout_accuracy(0.25);
  child.add_seed_shares(0.75);
  child.add_seed_shares(0.25);
  v1::Proposal& proposal = *child.mutable_proposal();
  proposal.set_parent_a(-2);
  proposal.set_parent_b(-1);
  proposal.set_crossover(true);
  proposal.add_chromosomes()->set_split_block(431);
  proposal.mutable_chromosomes(0)->set_mix(0.125);
  coordinator_.SetCandidates({seed, child});
  EXPECT_EQ(Execute({"candidates", "x"}).out,
            "CANDIDATE  SLOT  SEARCH  HOLDOUT  ORIGIN                         "
            "OF LOW  OF HIGH\n"
            "10         3     0.0000  0.2500   -2 x -1, split 431, mix 0.125  "
            "0.750   0.250\n");
  EXPECT_EQ(JsonLines(Execute({"candidates", "x", "--json"}).out).size(), 1);
  EXPECT_THAT(Execute({"candidates", "x", "--all"}).out,
              AllOf(HasSubstr("-2 low"), HasSubstr("seed"),
                    HasSubstr("-2 x -1, split 431, mix 0.125")));
  EXPECT_EQ(
      JsonLines(Execute({"candidates", "x", "--all", "--json"}).out).size(), 2);
  EXPECT_THAT(Execute({"lineage", "x", "-2"}).out,
              AllOf(HasSubstr("-2 low"), ::testing::Not(HasSubstr("split"))));
  EXPECT_EQ(JsonLines(Execute({"lineage", "x", "--json"}).out).size(), 2);
}

TEST_F(ApplicationTest, CandidatesOfRandomSeedsHaveNoShares) {
  v1::Campaign campaign = Campaign("x", v1::CAMPAIGN_STATE_RUNNING);
  for (v1::SeedSpec& seed : *campaign.mutable_spec()->mutable_seeds()) {
    seed.set_random(true);
  }
  campaign.mutable_spec()->mutable_search()->set_mutation_sigma(0.5);
  coordinator_.Put(campaign);
  v1::Candidate child;
  child.set_candidate(10);
  child.set_slot(3);
  child.mutable_proposal()->set_parent_a(-2);
  child.mutable_weights()->set_size_bytes(104);
  coordinator_.SetCandidates({child});
  EXPECT_EQ(Execute({"candidates", "x"}).out,
            "CANDIDATE  SLOT  SEARCH  HOLDOUT  ORIGIN\n"
            "10         3     0.0000  -        mutant of -2\n");
  EXPECT_EQ(JsonLines(Execute({"lineage", "x", "10", "--json"}).out)
                .at(0)["weights"]["size_bytes"],
            "104");
}

TEST_F(ApplicationTest, ListsWorkers) {
  v1::Worker worker;
  worker.set_name("w1");
  worker.set_draining(true);
  worker.set_completed_jobs(1234);
  worker.add_refusals("x: another device class");
  coordinator_.SetWorkers({worker});
  EXPECT_THAT(Execute({"workers"}).out,
              AllOf(HasSubstr("w1 (ends)"), HasSubstr("1,234"),
                    HasSubstr("w1: x: another device class\n")));
  EXPECT_EQ(JsonLines(Execute({"workers", "--json"}).out).at(0)["name"], "w1");
}

TEST_F(ApplicationTest, DumpsWhatIsStored) {
  EXPECT_EQ(Execute({"debug", "dump", "x"}).out, "m:{x}:revision  1\n");
  EXPECT_EQ(
      JsonLines(Execute({"debug", "dump", "x", "--json"}).out).at(0)["value"],
      "1");
}

TEST_F(ApplicationTest, TellsItsVersion) {
  EXPECT_THAT(Execute({"version"}).out, StartsWith("merganser "));
  EXPECT_EQ(Execute({"--version"}).out, Execute({"version"}).out);
  EXPECT_TRUE(JsonLines(Execute({"version", "--json"}).out)
                  .at(0)
                  .contains("protocol_version"));
}

TEST_F(ApplicationTest, AFullDiskIsAnError) {
  EXPECT_EXIT(ExitWithAFullDisk(), ::testing::ExitedWithCode(1),
              "cannot write to standard output");
}

}  // namespace
}  // namespace merganser
