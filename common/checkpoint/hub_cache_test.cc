#include "common/checkpoint/hub_cache.h"

#include <filesystem>

#include "common/storage/test_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class HubCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string repository = "models--org--model";
    fs::create_directories(cache_.File(repository + "/refs"));
    fs::create_directories(cache_.File(repository + "/snapshots/abc123"));
    cache_.Write(repository + "/refs/main", "abc123\n");
    cache_.Write(repository + "/refs/evil", "../../..");
  }

  absl::StatusOr<HubSnapshot> Find(const std::string& text) {
    const auto name = ParseHubName(text);
    if (!name.ok()) return name.status();
    return FindInHubCache(*name, cache_.path());
  }

  const TestFolder cache_;
};

TEST_F(HubCacheTest, ABranchLeadsToItsCommit) {
  const auto snapshot = Find("org/model");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->commit, "abc123");
  EXPECT_EQ(snapshot->folder,
            cache_.File("models--org--model/snapshots/abc123"));
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
                HasSubstr(cache_.path()));
  }
}

TEST_F(HubCacheTest, NamesThatLeaveTheCacheAreRefused) {
  for (const char* text : {"", "a/b/c", "../x", "a//b", "org/model@",
                           "org/model@../main", "/abs", "org/ model"}) {
    EXPECT_EQ(ParseHubName(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace merganser
