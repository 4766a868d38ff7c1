// Redis hung, killed or cut off in the middle of a commit.
#include "coordinator/store/redis_fixture.h"
#include "coordinator/store/socket_proxy.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Fault = SocketProxy::Fault;

// For calls that are meant to time out.
constexpr absl::Duration kImpatient = absl::Milliseconds(200);

using RedisFaults = RedisFixture;

TEST_F(RedisFaults, EverythingAcknowledgedSurvivesAKill) {
  std::unique_ptr<RedisStore> store = Store(server_->url());
  OwnCampaign(*store);
  for (int64_t revision = 1; revision <= 20; ++revision) {
    ASSERT_EQ(store->Commit("c", kEpoch, revision,
                            Slot(revision, "v" + std::to_string(revision))),
              absl::OkStatus());
    if (revision % 5 == 0) {
      ASSERT_EQ(server_->Restart(), absl::OkStatus());
    }
  }
  const StoredCampaign campaign = *store->Load("c");
  EXPECT_EQ(campaign.revision, 21);
  EXPECT_EQ(campaign.log_length, 20);
  EXPECT_EQ(campaign.maps.at(Collection::kSlots).size(), 20u);
  EXPECT_EQ(*store->ReadOwner(), (OwnerRecord{kEpoch, 1, "here:1"}));
  EXPECT_THAT(*store->ListCampaigns(), ElementsAre("c"));
}

TEST_F(RedisFaults, TheConnectionComesBack) {
  std::unique_ptr<RedisStore> store = Store(server_->url());
  OwnCampaign(*store);
  server_->Kill();
  for (int i = 0; i < 3; ++i) {
    const absl::Status status = store->Commit("c", kEpoch, 1, {});
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(server_->url()));
  }
  ASSERT_EQ(server_->Restart(), absl::OkStatus());
  EXPECT_EQ(store->Commit("c", kEpoch, 1, {}), absl::OkStatus());
}

TEST_F(RedisFaults, SendingToADeadRedisIsAnErrorAndNoSignal) {
  auto connection = RedisConnection::Connect(
      *ParseRedisUrl(server_->url()), absl::Seconds(60), absl::Seconds(60));
  ASSERT_EQ(connection.status(), absl::OkStatus());
  EXPECT_TRUE((*connection)->LooksAlive());
  server_->Kill();
  EXPECT_FALSE((*connection)->LooksAlive());
  EXPECT_TRUE(absl::IsUnavailable((*connection)->Run({{"PING"}}).status()));
}

TEST_F(RedisFaults, AClosedIdleConnectionIsReplacedUnnoticed) {
  std::unique_ptr<RedisStore> store = Store(server_->url());
  OwnCampaign(*store);
  Raw({"CLIENT", "KILL", "TYPE", "normal"});
  EXPECT_EQ(store->Commit("c", kEpoch, 1, {}), absl::OkStatus());
}

TEST_F(RedisFaults, ACommitWhoseReplyGotLostHasHappened) {
  SocketProxy proxy(server_->socket_path());
  std::unique_ptr<RedisStore> store = Store(proxy.url(), kImpatient);
  OwnCampaign(*store);
  proxy.Strike(Fault::kSwallowReplies);
  const absl::Status status = store->Commit("c", kEpoch, 1, Slot(0, "x"));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("within 200ms"));
  EXPECT_EQ(*store->ReadRevision("c"), 2);
  EXPECT_EQ(store->Load("c")->log_length, 1);
  EXPECT_EQ(store->Commit("c", kEpoch, 2, Slot(1, "y")), absl::OkStatus());
}

TEST_F(RedisFaults, ACommitStillOnItsWayNeverHappensOnceTheRevisionWasRead) {
  SocketProxy proxy(server_->socket_path());
  std::unique_ptr<RedisStore> store = Store(proxy.url(), kImpatient);
  OwnCampaign(*store);
  proxy.Strike(Fault::kHoldRequests);
  EXPECT_TRUE(
      absl::IsUnavailable(store->Commit("c", kEpoch, 1, Slot(0, "late"))));
  EXPECT_EQ(*store->ReadRevision("c"), 1);
  EXPECT_EQ(proxy.ReleaseHeld(), 0) << "Redis ran a command given up";
  EXPECT_EQ(*store->ReadRevision("c"), 1);
  EXPECT_EQ(store->Commit("c", kEpoch, 1, Slot(0, "mine")), absl::OkStatus());
  EXPECT_EQ(store->Load("c")->maps.at(Collection::kSlots).at(0), "mine");
}

TEST_F(RedisFaults, AHeldCommandDoesRunUnlessSomebodyPreventsIt) {
  // The test above can fail: without a read in between the held commit runs.
  SocketProxy proxy(server_->socket_path());
  std::unique_ptr<RedisStore> store = Store(proxy.url(), kImpatient);
  OwnCampaign(*store);
  proxy.Strike(Fault::kHoldRequests);
  EXPECT_TRUE(
      absl::IsUnavailable(store->Commit("c", kEpoch, 1, Slot(0, "late"))));
  EXPECT_EQ(proxy.ReleaseHeld(), 1);
  EXPECT_EQ(*store->ReadRevision("c"), 2);
}

TEST_F(RedisFaults, AHungRedisLeavesEachCommitDoneOnceOrNot) {
  std::unique_ptr<RedisStore> store = Store(server_->url(), kImpatient);
  OwnCampaign(*store);
  std::vector<std::string> expected_log;
  int64_t revision = 1;
  for (int round = 0; round < 5; ++round) {
    const std::string value = "round " + std::to_string(round);
    server_->Suspend();
    EXPECT_TRUE(absl::IsUnavailable(
        store->Commit("c", kEpoch, revision, Slot(0, value))));
    EXPECT_TRUE(absl::IsUnavailable(store->ReadRevision("c").status()));
    server_->Resume();
    absl::StatusOr<int64_t> stored = store->ReadRevision("c");
    ASSERT_EQ(stored.status(), absl::OkStatus());
    if (*stored == revision) {  // not done: then it is done now, and once
      ASSERT_EQ(store->Commit("c", kEpoch, revision, Slot(0, value)),
                absl::OkStatus());
    } else {
      ASSERT_EQ(*stored, revision + 1);
    }
    ++revision;
    expected_log.push_back(value);
  }
  EXPECT_EQ(*store->ReadRevision("c"), revision);
  EXPECT_EQ(*store->ReadList("c", ListCollection::kLog, 0, 100), expected_log);
}

TEST_F(RedisFaults, AKillDuringACommitLeavesItDoneOrNot) {
  std::unique_ptr<RedisStore> store = Store(server_->url(), kImpatient);
  OwnCampaign(*store);
  server_->Suspend();
  EXPECT_TRUE(absl::IsUnavailable(store->Commit("c", kEpoch, 1, Slot(0, "x"))));
  ASSERT_EQ(server_->Restart(), absl::OkStatus());
  const StoredCampaign campaign = *store->Load("c");
  EXPECT_EQ(campaign.revision, 1) << "it had been stopped before it read it";
  EXPECT_EQ(campaign.log_length, 0);
  EXPECT_EQ(store->Commit("c", kEpoch, 1, Slot(0, "x")), absl::OkStatus());
}

}  // namespace
}  // namespace merganser
