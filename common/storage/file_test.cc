#include "common/storage/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "common/storage/test_files.h"

namespace merganser {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A folder that holds nothing but what the test puts there.
class FileTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(folder_.path()); }
  void TearDown() override { std::filesystem::remove_all(folder_.path()); }

  std::string Path(const std::string& name) const {
    return folder_.path() + "/" + name;
  }
  size_t FilesInFolder() const {
    const std::filesystem::directory_iterator files(folder_.path());
    return std::distance(begin(files), end(files));
  }

 private:
  TestFile folder_{".folder"};
};

TEST_F(FileTest, ReadsBackWhatItWrote) {
  const std::string bytes("a\0b\n", 4);
  ASSERT_TRUE(WriteFileAtomically(Path("x"), bytes).ok());
  EXPECT_EQ(*ReadFile(Path("x")), bytes);
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(FileTest, ReplacesAnOlderFile) {
  ASSERT_TRUE(WriteFileAtomically(Path("x"), std::string("old and long")).ok());
  ASSERT_TRUE(WriteFileAtomically(Path("x"), std::string("new")).ok());
  EXPECT_EQ(*ReadFile(Path("x")), "new");
}

TEST_F(FileTest, ShowsNothingUntilTheCommit) {
  {
    absl::StatusOr<AtomicFile> file = AtomicFile::Create(Path("x"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->Append(std::vector<uint8_t>(10)).ok());
    EXPECT_FALSE(std::filesystem::exists(Path("x")));
  }
  EXPECT_EQ(FilesInFolder(), 0u);
}

TEST_F(FileTest, AFailedWriteLeavesNothing) {
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status =
      WriteFileAtomically(Path("x"), std::string(5000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()),
              StartsWith(Path("x") + ": cannot write"));
  EXPECT_EQ(FilesInFolder(), 0u);
}

TEST_F(FileTest, ErrorsNameThePath) {
  const absl::Status missing = ReadFile(Path("none")).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), StartsWith(Path("none") + ":"));

  const absl::Status folder = ReadFile(Path("")).status();
  EXPECT_EQ(folder.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(folder.message()),
              HasSubstr("is not a regular file"));

  const absl::Status nowhere =
      WriteFileAtomically(Path("no/x"), std::string("x"));
  EXPECT_EQ(nowhere.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(nowhere.message()), StartsWith(Path("no/x") + ":"));
}

TEST_F(FileTest, ReadsUpToTheLimitAndNoFurther) {
  ASSERT_TRUE(WriteFileAtomically(Path("x"), std::string("12345")).ok());
  EXPECT_EQ(*ReadFile(Path("x"), 5), "12345");
  EXPECT_EQ(ReadFile(Path("x"), 4).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace merganser
