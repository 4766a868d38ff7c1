#include "client/embedded/supervisor.h"

#include <sched.h>
#include <signal.h>

#include <optional>
#include <string>
#include <vector>

#include "client/embedded/temporary_folder.h"
#include "common/base/simulated_clock.h"
#include "common/storage/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
  }

  ChildOptions Shell(const std::string& name, const std::string& script) {
    return {.name = name,
            .process = {.binary = "/bin/sh",
                        .arguments = {"-c", script},
                        .log_path = folder_->path() + "/" + name + ".log"}};
  }

  std::string Log(const std::string& name) {
    return ReadFile(folder_->path() + "/" + name + ".log").value_or("");
  }

  // Ticks until something was reported or went wrong.
  absl::Status TickUntilReport() {
    const size_t before = reports_.size();
    while (reports_.size() == before) {
      const absl::Status status = supervisor_.Tick();
      if (!status.ok()) return status;
      sched_yield();
    }
    return absl::OkStatus();
  }

  // Until a child has written to its log.
  void WaitForLog(const std::string& name) {
    while (Log(name).empty()) sched_yield();
  }

  std::optional<TemporaryFolder> folder_;
  SimulatedClock clock_;
  std::vector<std::string> reports_;
  Supervisor supervisor_{
      clock_, RestartOptions(),
      [this](const std::string& line) { reports_.push_back(line); }};
};

TEST_F(SupervisorTest, StartsAChildAgainAtTheTimeOfThePolicy) {
  ASSERT_TRUE(supervisor_.Start(Shell("child", "echo run; exit 7")).ok());
  EXPECT_EQ(supervisor_.NextWake(), absl::InfiniteFuture());
  ASSERT_TRUE(TickUntilReport().ok());
  EXPECT_THAT(reports_, ElementsAre("child exited with code 7; starting it "
                                    "again in 0.2 s"));
  EXPECT_EQ(supervisor_.NextWake(), clock_.Now() + absl::Milliseconds(200));
  clock_.Advance(absl::Milliseconds(200) - absl::Nanoseconds(1));
  ASSERT_TRUE(supervisor_.Tick().ok());
  EXPECT_EQ(Log("child"), "run\n");
  clock_.Advance(absl::Nanoseconds(1));
  ASSERT_TRUE(TickUntilReport().ok());
  EXPECT_EQ(Log("child"), "run\nrun\n");
  EXPECT_THAT(reports_[1], HasSubstr("in 0.4 s"));
}

TEST_F(SupervisorTest, FiveDeathsEndItWithTheLogOfTheLast) {
  ASSERT_TRUE(
      supervisor_.Start(Shell("child", "echo the reason; kill -9 $$")).ok());
  absl::Status status;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(TickUntilReport().ok());
    clock_.Advance(absl::Seconds(5));
  }
  status = TickUntilReport();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("child was killed by signal 9 (Killed), and "
                              "processes keep dying"),
                    HasSubstr("child.log:\n  the reason")));
}

TEST_F(SupervisorTest, AWrongCommandLineEndsItAtOnce) {
  ChildOptions child =
      Shell("child", "echo unknown option: --spam >&2; exit 2");
  child.usage_exit_code = 2;
  ASSERT_TRUE(supervisor_.Start(child).ok());
  const absl::Status status = TickUntilReport();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("child exited with code 2"),
                    HasSubstr("unknown option: --spam")));
  EXPECT_TRUE(reports_.empty());
}

TEST_F(SupervisorTest, StopsStageByStageFromTheHighest) {
  const std::string script =
      "trap 'echo $0 >> %/order; exit' TERM; echo up; "
      "while :; do sleep 1 & wait; done";
  for (const int stage : {0, 2, 1}) {
    ChildOptions child = Shell("stage-" + std::to_string(stage), "");
    std::string filled = script;
    filled.replace(filled.find('%'), 1, folder_->path());
    child.process.arguments = {"-c", filled, child.name};
    child.stage = stage;
    ASSERT_TRUE(supervisor_.Start(child).ok());
    WaitForLog(child.name);
  }
  supervisor_.Stop(absl::Seconds(10), [] { return false; });
  EXPECT_EQ(ReadFile(folder_->path() + "/order").value_or(""),
            "stage-2\nstage-1\nstage-0\n");
}

TEST_F(SupervisorTest, AChildThatDoesNotEndIsKilledInAHurry) {
  ASSERT_TRUE(
      supervisor_.Start(Shell("deaf", "trap '' TERM; echo up; exec sleep 1000"))
          .ok());
  WaitForLog("deaf");
  int asked = 0;
  supervisor_.Stop(absl::Hours(1), [&] { return ++asked > 2; });
  EXPECT_EQ(asked, 3);
}

TEST_F(SupervisorTest, AChildThatDoesNotEndIsKilledAtTheDeadline) {
  ASSERT_TRUE(
      supervisor_.Start(Shell("deaf", "trap '' TERM; echo up; exec sleep 1000"))
          .ok());
  WaitForLog("deaf");
  supervisor_.Stop(absl::Seconds(10), [&] {
    clock_.Advance(absl::Seconds(1));
    return false;
  });
  EXPECT_EQ(clock_.Now(), SimulatedClock().Now() + absl::Seconds(10));
}

TEST_F(SupervisorTest, ABinaryThatIsNotThereIsAnError) {
  ChildOptions child = Shell("child", "");
  child.process.binary = "/nowhere/program";
  EXPECT_EQ(supervisor_.Start(child).code(), absl::StatusCode::kNotFound);
}

TEST(LogTailTest, HasTheLastLinesIndented) {
  auto folder = TemporaryFolder::Create();
  ASSERT_TRUE(folder.ok());
  const std::string path = folder->path() + "/log";
  EXPECT_EQ(LogTail(path, 2), "  (nothing was written)");
  ASSERT_TRUE(WriteFileAtomically(path, std::string("1\n2\n3\n")).ok());
  EXPECT_EQ(LogTail(path, 2), "  2\n  3");
  EXPECT_EQ(LogTail(path, 9), "  1\n  2\n  3");
  ASSERT_TRUE(
      WriteFileAtomically(path, std::string(100'000, 'x') + "\nend").ok());
  EXPECT_LT(LogTail(path, 9).size(), 9000u);
  EXPECT_THAT(LogTail(path, 1), "  end");
}

}  // namespace
}  // namespace merganser
