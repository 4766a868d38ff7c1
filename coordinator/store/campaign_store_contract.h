// What the contract tests of CampaignStore share: every store to test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/store/campaign_store.h"
#include "coordinator/store/memory_store.h"
#include "coordinator/store/redis_store.h"
#include "tests/redis_server.h"

namespace merganser {

// Both beyond 2^53, where doubles cannot tell them apart.
inline constexpr uint64_t kEpoch = std::numeric_limits<uint64_t>::max() - 1;
inline constexpr uint64_t kOtherEpoch = std::numeric_limits<uint64_t>::max();

struct InMemory {
  InMemoryStore store;
  CampaignStore& Get() { return store; }
};

struct InRedis {
  InRedis() {
    absl::StatusOr<std::unique_ptr<RedisServer>> started = RedisServer::Start();
    if (!started.ok()) {
      // Without a server there is nothing to test, and that is a failure.
      ADD_FAILURE() << started.status();
      store = *RedisStore::Create({.url = "unix:///nowhere"});
      return;
    }
    server = *std::move(started);
    store = *RedisStore::Create({.url = server->url()});
  }
  CampaignStore& Get() { return *store; }
  std::unique_ptr<RedisServer> server;
  std::unique_ptr<RedisStore> store;
};

template <typename Backend>
class CampaignStoreContract : public testing::Test {
 protected:
  CampaignStore& store() { return backend_.Get(); }

  void Own(uint64_t epoch = kEpoch) {
    const OwnerRecord owner = *store().ReadOwner();
    ASSERT_EQ(store().TakeOwnership(owner, epoch, "here:1"), absl::OkStatus());
  }
  // An owned store with campaign "c" at revision 1.
  void OwnCampaign(const Batch& batch = {}) {
    Own();
    ASSERT_EQ(store().Create("c", kEpoch, batch), absl::OkStatus());
  }
  StoredMaps Maps() { return store().Load("c")->maps; }

  Backend backend_;
};

using Backends = testing::Types<InMemory, InRedis>;

inline Batch Slots(std::vector<std::pair<int64_t, std::string>> values) {
  Batch batch;
  for (auto& [key, value] : values) {
    batch.writes.push_back({Collection::kSlots, key, value});
  }
  return batch;
}

}  // namespace merganser
