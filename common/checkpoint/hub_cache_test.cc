#include "common/checkpoint/hub_cache.h"

#include <cstdlib>
#include <filesystem>

#include "common/storage/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class HubCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (fs::temp_directory_path() / "merganser_hub_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    cache_ = pattern;
    const fs::path repository = cache_ / "models--org--model";
    fs::create_directories(repository / "refs");
    fs::create_directories(repository / "snapshots" / "abc123");
    ASSERT_TRUE(WriteFileAtomically((repository / "refs" / "main").string(),
                                    std::string("abc123\n"))
                    .ok());
    ASSERT_TRUE(WriteFileAtomically((repository / "refs" / "evil").string(),
                                    std::string("../../.."))
                    .ok());
  }
  void TearDown() override { fs::remove_all(cache_); }

  absl::StatusOr<HubSnapshot> Find(const std::string& text) {
    const auto name = ParseHubName(text);
    if (!name.ok()) return name.status();
    return FindInHubCache(*name, cache_.string());
  }

  fs::path cache_;
};

TEST_F(HubCacheTest, ABranchLeadsToItsCommit) {
  const auto snapshot = Find("org/model");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->commit, "abc123");
  EXPECT_EQ(snapshot->folder,
            (cache_ / "models--org--model/snapshots/abc123").string());
  EXPECT_EQ(Find("org/model@main")->commit, "abc123");
}

TEST_F(HubCacheTest, ACommitIsFoundByItself) {
  EXPECT_EQ(Find("org/model@abc123")->commit, "abc123");
}

TEST_F(HubCacheTest, WhatIsNotThereIsNamed) {
  for (const char* text : {"org/other", "org/model@v2", "org/model@evil"}) {
    const auto snapshot = Find(text);
    EXPECT_EQ(snapshot.status().code(), absl::StatusCode::kNotFound) << text;
    EXPECT_THAT(std::string(snapshot.status().message()),
                HasSubstr(cache_.string()));
  }
}

TEST_F(HubCacheTest, NamesThatLeaveTheCacheAreRefused) {
  for (const char* text :
       {"", "a/b/c", "../x", "a//b", "org/model@", "org/model@../main",
        "/abs", "org/ model"}) {
    EXPECT_EQ(ParseHubName(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace merganser
