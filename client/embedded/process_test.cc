#include "client/embedded/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>

#include "client/embedded/temporary_folder.h"
#include "common/storage/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;

Process::Options Shell(const std::string& script) {
  return {.binary = "/bin/sh", .arguments = {"-c", script}};
}

class ProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
  }

  std::string Path(const std::string& name) const {
    return folder_->path() + "/" + name;
  }

  std::optional<TemporaryFolder> folder_;
};

TEST_F(ProcessTest, TellsHowItEnded) {
  auto process = Process::Start(Shell("exit 3"));
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ(process->Wait().ToString(), "exited with code 3");
  process = Process::Start(Shell("kill -9 $$"));
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ(process->Wait().ToString(), "was killed by signal 9 (Killed)");
}

TEST_F(ProcessTest, ItsOutputIsAppendedToTheLog) {
  Process::Options options = Shell("echo out; echo error >&2");
  options.log_path = Path("log");
  for (int i = 0; i < 2; ++i) {
    auto process = Process::Start(options);
    ASSERT_TRUE(process.ok()) << process.status();
    process->Wait();
  }
  const auto log = ReadFile(options.log_path);
  ASSERT_TRUE(log.ok());
  EXPECT_EQ(*log, "out\nerror\nout\nerror\n");
}

TEST_F(ProcessTest, ABinaryThatCannotRunIsAnError) {
  const auto missing = Process::Start({.binary = "/nowhere/program"});
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()),
              HasSubstr("/nowhere/program: cannot execute"));
  ASSERT_TRUE(WriteFileAtomically(Path("text"), std::string("text")).ok());
  EXPECT_EQ(Process::Start({.binary = Path("text")}).status().code(),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(ProcessTest, PipesCarryItsInputAndOutput) {
  Process::Options options = Shell("read line; echo \"got $line\"");
  options.pipes = true;
  auto process = Process::Start(options);
  ASSERT_TRUE(process.ok()) << process.status();
  ASSERT_EQ(write(process->stdin_descriptor(), "words\n", 6), 6);
  pollfd source{process->stdout_descriptor(), POLLIN, 0};
  ASSERT_EQ(poll(&source, 1, -1), 1);
  std::array<char, 64> buffer;
  const ssize_t got =
      read(process->stdout_descriptor(), buffer.data(), buffer.size());
  EXPECT_EQ(std::string(buffer.data(), got), "got words\n");
  EXPECT_EQ(process->Wait().code, 0);
}

TEST_F(ProcessTest, ClosingItsInputEndsItsReading) {
  Process::Options options = Shell("cat; exit 5");
  options.pipes = true;
  auto process = Process::Start(options);
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_FALSE(process->Poll().has_value());
  process->CloseStdin();
  EXPECT_EQ(process->Wait().code, 5);
}

TEST_F(ProcessTest, ASignalReachesItsWholeGroup) {
  Process::Options options = Shell("sleep 1000 & echo; wait");
  options.pipes = true;
  auto process = Process::Start(options);
  ASSERT_TRUE(process.ok()) << process.status();
  pollfd source{process->stdout_descriptor(), POLLIN, 0};
  ASSERT_EQ(poll(&source, 1, -1), 1);
  process->Signal(SIGKILL);
  process->Wait();
  // The end of the file comes once the sleeper, too, has let go of the pipe.
  std::array<char, 64> buffer;
  do {
    ASSERT_EQ(poll(&source, 1, -1), 1);
  } while (read(process->stdout_descriptor(), buffer.data(), buffer.size()) >
           0);
}

TEST_F(ProcessTest, ItHasAProcessGroupOfItsOwnAndUnblockedSignals) {
  sigset_t blocked, before;
  sigfillset(&blocked);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  Process::Options options = Shell("grep SigBlk /proc/self/status; exec cat");
  options.pipes = true;
  auto process = Process::Start(options);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ(getpgid(process->pid()), process->pid());
  pollfd source{process->stdout_descriptor(), POLLIN, 0};
  ASSERT_EQ(poll(&source, 1, -1), 1);
  std::array<char, 64> buffer;
  const ssize_t got =
      read(process->stdout_descriptor(), buffer.data(), buffer.size());
  EXPECT_THAT(std::string(buffer.data(), got), HasSubstr("0000000000000000"));
}

TEST_F(ProcessTest, TheDestructorKillsIt) {
  pid_t pid = 0;
  {
    auto process = Process::Start(Shell("sleep 1000"));
    ASSERT_TRUE(process.ok()) << process.status();
    pid = process->pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

// A parent that dies by SIGKILL can do nothing for its children; the system
// must. Orphans are given to us, so that we can wait for the child.
TEST_F(ProcessTest, ItDiesWithAParentThatIsKilled) {
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t parent = fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    const auto process = Process::Start(Shell("exec sleep 1000"));
    const pid_t pid = process.ok() ? process->pid() : -1;
    [[maybe_unused]] const ssize_t written = write(ends[1], &pid, sizeof(pid));
    pause();
    _exit(0);
  }
  pid_t child = -1;
  ASSERT_EQ(read(ends[0], &child, sizeof(child)),
            static_cast<ssize_t>(sizeof(child)));
  close(ends[0]);
  close(ends[1]);
  ASSERT_GT(child, 0);
  ASSERT_EQ(kill(parent, SIGKILL), 0);
  ASSERT_EQ(waitpid(parent, nullptr, 0), parent);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_F(ProcessTest, ProgramsAreFoundBesideOursAndInPath) {
  const auto own = BesideOwnExecutable("embedded_test");
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(access(own->c_str(), X_OK), 0);
  EXPECT_EQ(BesideOwnExecutable("no-such-program").status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_TRUE(FindInPath("sh").ok());
  EXPECT_TRUE(FindInPath("/bin/sh").ok());
  EXPECT_EQ(FindInPath("no-such-program").status().message(),
            "no-such-program: is not in PATH");
}

}  // namespace
}  // namespace merganser
