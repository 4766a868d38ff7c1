#include "worker/weights/path_rules.h"

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class PathRulesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (fs::temp_directory_path() / "merganser_paths_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    fs::create_directories(root_ / "models");
    fs::create_directories(root_ / "models-other");
    fs::create_directory_symlink("/etc", root_ / "models" / "link");
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path root_;
};

TEST_F(PathRulesTest, WithoutARootPathsAreTakenAsTheyAre) {
  const PathRules rules("");
  EXPECT_EQ(*rules.Resolve("a/b.csv", "file"), "a/b.csv");
  EXPECT_EQ(*rules.Resolve("/a/b.csv", "file"), "/a/b.csv");
  EXPECT_EQ(*rules.Resolve("../b.csv", "file"), "../b.csv");
}

TEST_F(PathRulesTest, RelativePathsLieBelowTheRoot) {
  const PathRules rules((root_ / "models/").string());
  EXPECT_EQ(*rules.Resolve("a/b.csv", "file"),
            (root_ / "models/a/b.csv").string());
  EXPECT_TRUE(rules.Resolve("a/../b.csv", "file").ok());
}

TEST_F(PathRulesTest, AbsolutePathsMustLieBelowTheRoot) {
  const PathRules rules((root_ / "models").string());
  EXPECT_TRUE(rules.Resolve((root_ / "models/a.csv").string(), "file").ok());
  for (const fs::path& outside :
       {fs::path("/etc/passwd"), root_ / "models-other/a.csv",
        root_ / "models/../a.csv"}) {
    const auto path = rules.Resolve(outside.string(), "seeds[1].path");
    EXPECT_EQ(path.status().code(), absl::StatusCode::kPermissionDenied);
    EXPECT_THAT(std::string(path.status().message()),
                HasSubstr("seeds[1].path: " + outside.string()));
  }
}

TEST_F(PathRulesTest, WaysOutOfTheRootAreRefused) {
  const PathRules rules((root_ / "models").string());
  EXPECT_FALSE(rules.Resolve("../a.csv", "file").ok());
  EXPECT_FALSE(rules.Resolve("a/../../a.csv", "file").ok());
  EXPECT_FALSE(rules.Resolve("link/passwd", "file").ok());
}

TEST_F(PathRulesTest, AnEmptyPathIsRefused) {
  EXPECT_EQ(PathRules("").Resolve("", "tasks[0].search.file").status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace merganser
