#include "coordinator/store/memory_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace merganser {
namespace {

class InMemoryFaults : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(store_.TakeOwnership({}, 1, "a"), absl::OkStatus());
    ASSERT_EQ(store_.Create("c", 1, {}), absl::OkStatus());
  }
  InMemoryStore store_;
};

TEST_F(InMemoryFaults, AFaultBeforeTheCommitWritesNothing) {
  store_.FailNextCommit(InMemoryStore::CommitFault::kBefore);
  EXPECT_TRUE(absl::IsUnavailable(store_.Commit("c", 1, 1, {})));
  EXPECT_EQ(*store_.ReadRevision("c"), 1);
  EXPECT_EQ(store_.Commit("c", 1, 1, {}), absl::OkStatus());
}

TEST_F(InMemoryFaults, AFaultAfterTheCommitWritesAll) {
  store_.FailNextCommit(InMemoryStore::CommitFault::kAfter);
  EXPECT_TRUE(absl::IsUnavailable(store_.Commit("c", 1, 1, {})));
  EXPECT_EQ(*store_.ReadRevision("c"), 2);
  EXPECT_EQ(store_.Commit("c", 1, 2, {}), absl::OkStatus());
}

TEST_F(InMemoryFaults, AnUnreachableStoreAnswersNothing) {
  store_.SetUnreachable(true);
  EXPECT_TRUE(absl::IsUnavailable(store_.Ping()));
  EXPECT_TRUE(absl::IsUnavailable(store_.ReadOwner().status()));
  EXPECT_TRUE(absl::IsUnavailable(store_.Commit("c", 1, 1, {})));
  store_.SetUnreachable(false);
  EXPECT_EQ(*store_.ReadRevision("c"), 1);
}

}  // namespace
}  // namespace merganser
