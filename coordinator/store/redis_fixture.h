// What the tests of RedisStore share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "coordinator/store/redis_connection.h"
#include "coordinator/store/redis_store.h"
#include "tests/redis_server.h"

namespace merganser {

class RedisFixture : public testing::Test {
 protected:
  static constexpr uint64_t kEpoch = 7;

  explicit RedisFixture(std::vector<std::string> arguments = {}) {
    absl::StatusOr<std::unique_ptr<RedisServer>> started =
        RedisServer::Start(std::move(arguments));
    if (started.ok()) server_ = *std::move(started);
    start_ = started.status();
  }

  void SetUp() override { ASSERT_EQ(start_, absl::OkStatus()); }

  static std::unique_ptr<RedisStore> Store(
      const std::string& url,
      absl::Duration command_timeout = absl::Seconds(60)) {
    return *RedisStore::Create(
        {.url = url, .command_timeout = command_timeout});
  }

  // An owned store with campaign "c" at revision 1.
  static void OwnCampaign(CampaignStore& store) {
    ASSERT_EQ(store.TakeOwnership({}, kEpoch, "here:1"), absl::OkStatus());
    ASSERT_EQ(store.Create("c", kEpoch, {}), absl::OkStatus());
  }

  static Batch Slot(int64_t key, const std::string& value) {
    Batch batch;
    batch.writes = {{Collection::kSlots, key, value}};
    batch.appends = {{ListCollection::kLog, value}};
    return batch;
  }

  // The reply to a command sent past the store.
  RedisReply Raw(const RedisCommand& command) {
    auto connection = RedisConnection::Connect(
        *ParseRedisUrl(server_->url()), absl::Seconds(60), absl::Seconds(60));
    EXPECT_EQ(connection.status(), absl::OkStatus());
    auto replies = (*connection)->Run({command});
    EXPECT_EQ(replies.status(), absl::OkStatus());
    return (*replies)[0];
  }

  std::unique_ptr<RedisServer> server_;
  absl::Status start_;
};

}  // namespace merganser
