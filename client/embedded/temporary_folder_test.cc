#include "client/embedded/temporary_folder.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>

#include "common/storage/file.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

namespace fs = std::filesystem;

// A place of its own for the folders, so that none of another test is there.
class TemporaryFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/merganser_test_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    place_ = pattern;
    if (const char* before = getenv("XDG_RUNTIME_DIR")) before_ = before;
    setenv("XDG_RUNTIME_DIR", pattern, 1);
  }
  void TearDown() override {
    if (before_.has_value()) {
      setenv("XDG_RUNTIME_DIR", before_->c_str(), 1);
    } else {
      unsetenv("XDG_RUNTIME_DIR");
    }
    fs::remove_all(place_);
  }

  std::string place_;
  std::optional<std::string> before_;
};

TEST_F(TemporaryFolderTest, IsGoneWithItsContents) {
  std::string path;
  {
    const auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    path = folder->path();
    EXPECT_LE(path.size(), 80u);
    fs::create_directories(path + "/inner");
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(TemporaryFolderTest, MayLieElsewhere) {
  const std::string parent = place_ + "/" + std::string(100, 'x');
  EXPECT_FALSE(TemporaryFolder::CreateIn(parent).ok());
  fs::create_directory(parent);
  const auto folder = TemporaryFolder::CreateIn(parent);
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_EQ(fs::path(folder->path()).parent_path(), parent);
}

TEST_F(TemporaryFolderTest, OneThatIsHeldStaysAndOneThatNobodyHoldsGoes) {
  const auto held = TemporaryFolder::Create();
  ASSERT_TRUE(held.ok()) << held.status();
  const std::string stale = place_ + "/merganser-tmp-abc123";
  fs::create_directories(stale + "/inner");
  const auto next = TemporaryFolder::Create();
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_TRUE(fs::exists(held->path()));
  EXPECT_FALSE(fs::exists(stale));
}

TEST_F(TemporaryFolderTest, ADeadProcessDoesNotHoldItsFolder) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto folder = TemporaryFolder::Create();
    const bool written =
        folder.ok() &&
        WriteFileAtomically(place_ + "/path", folder->path()).ok();
    raise(written ? SIGKILL : SIGTERM);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(WTERMSIG(status), SIGKILL);
  const std::string path = *ReadFile(place_ + "/path");
  ASSERT_TRUE(fs::exists(path));
  ASSERT_TRUE(TemporaryFolder::Create().ok());
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(TemporaryFolderTest, WhatIsNotOursIsLeftAlone) {
  for (const char* name : {"merganser-output", "merganser-tmp-notes.txt",
                           "merganser-tmp-abc", "other"}) {
    fs::create_directories(place_ + "/" + name);
  }
  ASSERT_TRUE(
      WriteFileAtomically(place_ + "/merganser-tmp-abc123", std::string())
          .ok());
  ASSERT_TRUE(TemporaryFolder::Create().ok());
  for (const char* name :
       {"merganser-output", "merganser-tmp-notes.txt", "merganser-tmp-abc",
        "other", "merganser-tmp-abc123"}) {
    EXPECT_TRUE(fs::exists(place_ + "/" + name)) << name;
  }
}

}  // namespace
}  // namespace merganser
