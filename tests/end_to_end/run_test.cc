// `merganser run` as a user meets it: real processes, real files, exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/embedded/process.h"
#include "common/storage/file.h"
#include "tests/faults/hash_campaign.h"

namespace merganser {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Minutes(1);

class RunTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/merganser_run_XXXXXX";
    folder_ = mkdtemp(folder);
    output_ = folder_ + "/out";
    // A worker that takes its time, so that there is a middle.
    worker_ = folder_ + "/slow-worker";
    std::ofstream(worker_) << "#!/bin/sh\nexec " << MERGANSER_BINARY_DIR
                           << "/merganser-hash-worker --delay-us=700 \"$@\"\n";
    chmod(worker_.c_str(), 0700);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Process Start(std::vector<std::string> arguments) {
    log_ = absl::StrCat(folder_, "/log", ++logs_);
    auto process = Process::Start(
        {.binary = absl::StrCat(MERGANSER_BINARY_DIR, "/merganser"),
         .arguments = std::move(arguments),
         .log_path = log_});
    EXPECT_TRUE(process.ok()) << process.status();
    return *std::move(process);
  }

  std::vector<std::string> RunArguments(
      int64_t evaluations, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {
        "run",
        absl::StrCat(MERGANSER_SOURCE_DIR, "/examples/digits-pretrained.yaml"),
        "--output",
        output_,
        "--worker-binary",
        worker_};
    for (const std::string& setting : HashCampaignSettings(evaluations)) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  int RunFromScratch(int64_t evaluations) {
    std::vector<std::string> arguments =
        RunArguments(evaluations, {"--set", "model.layers=[64, 16, 10]"});
    arguments[1] =
        absl::StrCat(MERGANSER_SOURCE_DIR, "/examples/digits-scratch.yaml");
    return Start(arguments).Wait().code;
  }

  int Run(int64_t evaluations, const std::vector<std::string>& more = {}) {
    return Start(RunArguments(evaluations, more)).Wait().code;
  }
  int Verify(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"verify", output_, "--worker-binary",
                                          worker_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Start(arguments).Wait().code;
  }

  std::string Log() { return *ReadFile(log_); }

  nlohmann::json Summary() {
    const auto text = ReadFile(output_ + "/summary.json");
    EXPECT_TRUE(text.ok()) << text.status() << Log();
    return text.ok() ? nlohmann::json::parse(*text) : nlohmann::json();
  }

  // The processes whose command line names our folder.
  std::vector<std::string> ProcessesLeft() {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const auto line = ReadFile(entry.path().string() + "/cmdline");
      if (line.ok() && line->find(folder_) != std::string::npos) {
        found.push_back(*line);
      }
    }
    return found;
  }

  // Polls, since the system ends the children a moment after their parent.
  void ExpectNoProcessLeft() {
    const absl::Time give_up = absl::Now() + kPatience;
    while (!ProcessesLeft().empty() && absl::Now() < give_up) {
      absl::SleepFor(absl::Milliseconds(10));
    }
    EXPECT_THAT(ProcessesLeft(), IsEmpty());
  }

  // Until workers have begun to run children.
  void WaitForTheMiddle() {
    const absl::Time give_up = absl::Now() + kPatience;
    while (absl::Now() < give_up) {
      const auto log = ReadFile(log_);
      if (log.ok() && log->find(" running ") != std::string::npos) return;
      absl::SleepFor(absl::Milliseconds(10));
    }
    ADD_FAILURE() << "it does not begin:\n" << Log();
  }

  std::string folder_;
  std::string output_;
  std::string worker_;
  std::string log_;
  int logs_ = 0;
};

TEST_F(RunTest, WritesTheResultAndVerifiesIt) {
  ASSERT_EQ(Run(800), 0) << Log();
  const nlohmann::json summary = Summary();
  EXPECT_EQ(summary["state"], "COMPLETED");
  EXPECT_EQ(summary["evaluations"], 800);
  EXPECT_EQ(summary["archive_digest"], ExpectedDigestOf(HashCampaignSpec(800)));
  for (const char* file :
       {"winner.safetensors", "winner_recipe.json", "curve.csv", "curve.svg"}) {
    EXPECT_TRUE(std::filesystem::exists(output_ + "/" + file)) << file;
  }
  ExpectNoProcessLeft();
  EXPECT_EQ(Verify(), 0) << Log();
  EXPECT_THAT(Log(), HasSubstr("802 candidates re-scored"));

  // A finished folder prints its result and starts nothing.
  EXPECT_EQ(Run(800), 0);
  EXPECT_THAT(Log(), HasSubstr("completed"));
  // Another setting is named; a smaller budget is refused.
  EXPECT_EQ(Run(800, {"--set", "search.alpha=0.5"}), 4);
  EXPECT_THAT(Log(), HasSubstr("search.alpha"));
  EXPECT_EQ(Run(700), 4);
  EXPECT_THAT(Log(), HasSubstr("budget.evaluations"));
  // A larger one goes on as if it had always been there.
  EXPECT_EQ(Run(1100, {"--workers", "3"}), 0) << Log();
  EXPECT_EQ(Summary()["archive_digest"],
            ExpectedDigestOf(HashCampaignSpec(1100)));
}

TEST_F(RunTest, FromScratchItWritesTheResultVerifiesAndGoesOn) {
  ASSERT_EQ(RunFromScratch(500), 0) << Log();
  EXPECT_EQ(Summary()["archive_digest"],
            ExpectedDigestOf(HashScratchSpec(500)));
  ExpectNoProcessLeft();
  EXPECT_EQ(Verify(), 0) << Log();
  EXPECT_THAT(Log(), HasSubstr("winner re-made bit for bit"));
  EXPECT_THAT(Log(), HasSubstr("502 candidates re-scored"));
  // Nothing but what a larger budget would need.
  const auto blobs =
      std::filesystem::directory_iterator(output_ + "/coordinator/blobs");
  EXPECT_LE(std::distance(begin(blobs), end(blobs)), 20 + 2 * 16);
  ASSERT_EQ(RunFromScratch(700), 0) << Log();
  EXPECT_EQ(Summary()["archive_digest"],
            ExpectedDigestOf(HashScratchSpec(700)));
}

// Origin at a base, noise on coefficients, two chromosomes.
TEST_F(RunTest, FromABaseItWritesTheResultVerifiesAndGoesOn) {
  std::vector<std::string> settings;
  for (const std::string& setting : BaseSettings(folder_)) {
    settings.insert(settings.end(), {"--set", setting});
  }
  ASSERT_EQ(Run(400, settings), 0) << Log();
  EXPECT_EQ(Summary()["archive_digest"],
            ExpectedDigestOf(HashBaseSpec(400, folder_)));
  EXPECT_EQ(Verify(), 0) << Log();
  EXPECT_THAT(Log(), HasSubstr("winner re-made bit for bit"));
  EXPECT_THAT(Log(), HasSubstr("402 candidates re-scored"));
  const auto page =
      nlohmann::json::parse(*ReadFile(output_ + "/winner_recipe.json"));
  ASSERT_EQ(page["seeds"].size(), 3u);
  EXPECT_EQ(page["seeds"][2]["name"], "ancestor");
  EXPECT_EQ(page["recipe"]["seeds"], 3);
  EXPECT_EQ(page["recipe"]["chromosomes"].size(), 2u);
  // Another noise is another campaign; a larger budget is not.
  EXPECT_EQ(Run(400), 4);
  settings.insert(settings.end(), {"--workers", "2"});
  ASSERT_EQ(Run(600, settings), 0) << Log();
  EXPECT_EQ(Summary()["archive_digest"],
            ExpectedDigestOf(HashBaseSpec(600, folder_)));
  // A base that is not the one that the campaign began with.
  std::filesystem::copy_file(
      absl::StrCat(MERGANSER_SOURCE_DIR,
                   "/examples/digits/seed_digits_0_to_4.safetensors"),
      folder_ + "/ancestor.safetensors",
      std::filesystem::copy_options::overwrite_existing);
  EXPECT_NE(Verify(), 0);
  EXPECT_THAT(Log(), HasSubstr("model.base.path: "));
}

TEST_F(RunTest, FindsAChangedByteOfTheWinner) {
  ASSERT_EQ(Run(100), 0) << Log();
  const std::string path = output_ + "/winner.safetensors";
  std::string bytes = *ReadFile(path);
  bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(Verify({"--rescore", "none"}), 1);
  EXPECT_THAT(Log(), HasSubstr("winner.safetensors"));
}

TEST_F(RunTest, MakesADeletedWinnerAgain) {
  ASSERT_EQ(Run(100), 0) << Log();
  const std::string path = output_ + "/winner.safetensors";
  const std::string before = *ReadFile(path);
  std::filesystem::remove(path);
  EXPECT_EQ(Run(100), 0) << Log();
  EXPECT_THAT(Log(), HasSubstr("lacks winner.safetensors; writing the results "
                               "again"));
  EXPECT_EQ(ReadFile(path).value_or(""), before);
  EXPECT_EQ(Verify(), 0) << Log();
}

TEST_F(RunTest, AFolderWithoutItsSummaryIsNotVerified) {
  ASSERT_EQ(Run(100), 0) << Log();
  std::filesystem::remove(output_ + "/summary.json");
  EXPECT_EQ(Verify({"--rescore", "none"}), 2);
  EXPECT_THAT(Log(), HasSubstr("summary.json is missing"));
}

TEST_F(RunTest, TellsByItsExitCodeWhatIsWrongWithTheCommand) {
  std::ofstream(output_) << "a file";
  EXPECT_EQ(Run(100), 2);
  EXPECT_THAT(Log(), HasSubstr("expected a folder; it is a file"));
  std::filesystem::remove(output_);
  EXPECT_EQ(Run(100, {"--redis-binary", folder_ + "/none"}), 3);
  EXPECT_THAT(Log(), HasSubstr("needs a Redis server"));
  EXPECT_FALSE(std::filesystem::exists(output_));
}

TEST_F(RunTest, SurvivesItsOwnSigkillAndLeavesNothingBehind) {
  {
    Process run = Start(RunArguments(1500));
    WaitForTheMiddle();
    run.Signal(SIGKILL);
    run.Wait();
  }
  ExpectNoProcessLeft();
  ASSERT_EQ(Run(1500), 0) << Log();
  EXPECT_EQ(Summary()["archive_digest"],
            ExpectedDigestOf(HashCampaignSpec(1500)));
}

struct SignalCase {
  const char* name;
  int signal;
  int code;
};

void PrintTo(const SignalCase& test, std::ostream* out) { *out << test.name; }

class SignalTest : public RunTest,
                   public testing::WithParamInterface<SignalCase> {};

TEST_P(SignalTest, StopsInOrderAndSaysHowToGoOn) {
  Process run = Start(RunArguments(20'000));
  WaitForTheMiddle();
  run.Signal(GetParam().signal);
  EXPECT_EQ(run.Wait().code, GetParam().code) << Log();
  EXPECT_THAT(Log(), HasSubstr("to go on, run the same command again"));
  ExpectNoProcessLeft();
}

INSTANTIATE_TEST_SUITE_P(Signals, SignalTest,
                         testing::Values(SignalCase{"Interrupt", SIGINT, 130},
                                         SignalCase{"Terminate", SIGTERM, 143}),
                         [](const auto& test) { return test.param.name; });

TEST_F(RunTest, RefusesAFolderThatIsInUse) {
  Process run = Start(RunArguments(20'000));
  WaitForTheMiddle();
  EXPECT_EQ(Run(20'000), 4);
  EXPECT_THAT(Log(), HasSubstr("in use by another run"));
  run.Signal(SIGTERM);
  run.Wait();
}

TEST_F(RunTest, EndsWithTheTailOfTheLogWhenAWorkerCannotLive) {
  std::ofstream(worker_)
      << "#!/bin/sh\necho this worker is broken >&2\nexit 1\n";
  EXPECT_EQ(Run(100), 1);
  EXPECT_THAT(Log(), HasSubstr("this worker is broken"));
  ExpectNoProcessLeft();
}

TEST_F(RunTest, EndsWhenTheSeedsCannotBeRead) {
  EXPECT_EQ(Run(100, {"--set", "seeds[1].path=/nowhere.safetensors"}), 2);
  EXPECT_THAT(Log(), HasSubstr("seeds[1].path"));
  EXPECT_FALSE(std::filesystem::exists(output_));
}

}  // namespace
}  // namespace merganser
