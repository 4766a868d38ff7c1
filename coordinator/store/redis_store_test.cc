// What RedisStore does beyond the contract of every store.
#include "coordinator/store/redis_store.h"

#include "coordinator/store/commit_script.h"
#include "coordinator/store/redis_fixture.h"

namespace merganser {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class RedisStoreTest : public RedisFixture {
 protected:
  void SetUp() override {
    RedisFixture::SetUp();
    store_ = Store(server_->url());
    OwnCampaign(*store_);
  }
  std::unique_ptr<RedisStore> store_;
};

std::string Message(const absl::Status& status) {
  return std::string(status.message());
}

TEST_F(RedisStoreTest, KeepsTheSchemaOfItsComment) {
  EXPECT_EQ(store_->Commit("c", kEpoch, 1, Slot(-3, "123456789")),
            absl::OkStatus());
  const std::string packed = "123456789\x26\x39\xf4\xcb";  // CRC's check value
  EXPECT_EQ(Raw({"HGET", "merganser:{c}:slots", "-3"}).text, packed);
  EXPECT_EQ(Raw({"LINDEX", "merganser:{c}:log", "0"}).text, packed);
  EXPECT_EQ(Raw({"HGET", "merganser:{c}:meta", "revision"}).text, "2");
  EXPECT_EQ(Raw({"HGET", "merganser:{c}:meta", "epoch"}).text, "7");
  EXPECT_EQ(Raw({"HGET", "merganser:owner", "address"}).text, "here:1");
  EXPECT_EQ(Raw({"SISMEMBER", "merganser:campaigns", "c"}).integer, 1);
}

TEST_F(RedisStoreTest, DeleteLeavesNoKeyBehind) {
  EXPECT_EQ(store_->Delete("c", kEpoch), absl::OkStatus());
  const RedisReply keys = Raw({"KEYS", "*"});
  ASSERT_EQ(keys.elements.size(), 1u);
  EXPECT_EQ(keys.elements[0].text, "merganser:owner");
}

TEST_F(RedisStoreTest, RunsTheScriptByItsDigest) {
  EXPECT_EQ(Raw({"SCRIPT", "EXISTS", kCommitScriptSha1}).elements[0].integer,
            1);
  Raw({"SCRIPT", "FLUSH"});
  EXPECT_EQ(store_->Commit("c", kEpoch, 1, {}), absl::OkStatus());
  EXPECT_EQ(Raw({"SCRIPT", "EXISTS", kCommitScriptSha1}).elements[0].integer,
            1);
}

TEST_F(RedisStoreTest, DamagedValuesAreFoundAndNamed) {
  EXPECT_EQ(store_->Commit("c", kEpoch, 1, Slot(12, "abc")), absl::OkStatus());
  Raw({"HSET", "merganser:{c}:slots", "12", "abd\x01\x02\x03\x04"});
  const absl::Status map = store_->Load("c").status();
  EXPECT_TRUE(absl::IsDataLoss(map)) << map;
  EXPECT_THAT(Message(map), HasSubstr("campaign c, slots, key 12"));
  Raw({"LSET", "merganser:{c}:log", "0", "abc"});
  const absl::Status list =
      store_->ReadList("c", ListCollection::kLog, 0, 1).status();
  EXPECT_TRUE(absl::IsDataLoss(list)) << list;
  EXPECT_THAT(Message(list), HasSubstr("campaign c, log, key 0"));
}

TEST_F(RedisStoreTest, ForeignFieldsAreDataLoss) {
  Raw({"HSET", "merganser:{c}:gram", "not a number", "x"});
  const absl::Status status = store_->Load("c").status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("gram, key not a number"));
  Raw({"HSET", "merganser:{c}:meta", "revision", "many"});
  EXPECT_TRUE(absl::IsDataLoss(store_->ReadRevision("c").status()));
}

TEST_F(RedisStoreTest, ACommitThatWouldFailMidwayWritesNothing) {
  // The slots are written before the log, which is no list here.
  Raw({"SET", "merganser:{c}:log", "in the way"});
  const absl::Status status = store_->Commit("c", kEpoch, 1, Slot(0, "x"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Message(status), HasSubstr("merganser:{c}:log"));
  EXPECT_EQ(*store_->ReadRevision("c"), 1);
  EXPECT_EQ(Raw({"EXISTS", "merganser:{c}:slots"}).integer, 0);
}

TEST_F(RedisStoreTest, MalformedScriptCallsWriteNothing) {
  const std::string key = "merganser:{c}:x";
  struct Row {
    const char* name;
    std::vector<std::string> arguments;
  };
  for (const Row& row :
       {Row{"unknown command",
            {"0", "HSET", "1", "2", "f", "v", "GET", "1", "1", "f"}},
        Row{"unknown key",
            {"0", "HSET", "1", "2", "f", "v", "HDEL", "2", "1", "f"}},
        Row{"too few arguments",
            {"0", "HSET", "1", "2", "f", "v", "HDEL", "1", "2", "f"}},
        Row{"odd fields",
            {"0", "HSET", "1", "2", "f", "v", "HSET", "1", "1", "f"}},
        Row{"no arguments",
            {"0", "HSET", "1", "2", "f", "v", "HDEL", "1", "0"}}}) {
    RedisCommand command = {"EVAL", kCommitScript, "1", key};
    command.insert(command.end(), row.arguments.begin(), row.arguments.end());
    EXPECT_THAT(Raw(command).text, HasSubstr("MERGANSER")) << row.name;
    EXPECT_EQ(Raw({"EXISTS", key}).integer, 0) << row.name;
  }
}

TEST_F(RedisStoreTest, AFullRedisIsResourceExhaustedAndWritesNothing) {
  Raw({"CONFIG", "SET", "maxmemory", "1"});
  const absl::Status status = store_->Commit("c", kEpoch, 1, Slot(0, "x"));
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("maxmemory"));
  Raw({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_EQ(*store_->ReadRevision("c"), 1);
  EXPECT_EQ(store_->Commit("c", kEpoch, 1, Slot(0, "x")), absl::OkStatus());
}

TEST_F(RedisStoreTest, AReplicaIsUnavailable) {
  Raw({"REPLICAOF", "127.0.0.1", "1"});
  const absl::Status status = store_->Commit("c", kEpoch, 1, Slot(0, "x"));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("primary"));
  Raw({"REPLICAOF", "NO", "ONE"});
  EXPECT_EQ(store_->Commit("c", kEpoch, 1, Slot(0, "x")), absl::OkStatus());
}

TEST_F(RedisStoreTest, AUserWithoutPermissionIsDenied) {
  Raw({"ACL", "SETUSER", "limited", "on", ">secret", "~*", "+client|id",
       "+ping"});
  std::unique_ptr<RedisStore> limited =
      Store("unix://limited:secret@" + server_->socket_path());
  EXPECT_EQ(limited->Ping(), absl::OkStatus());
  EXPECT_TRUE(absl::IsPermissionDenied(limited->Load("c").status()));
  EXPECT_TRUE(absl::IsPermissionDenied(limited->Commit("c", kEpoch, 1, {})));
}

TEST(RedisStoreCreate, RefusesBadOptions) {
  EXPECT_TRUE(
      absl::IsInvalidArgument(RedisStore::Create({.url = "x"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      RedisStore::Create(
          {.url = "redis://h", .command_timeout = absl::ZeroDuration()})
          .status()));
}

TEST(RedisStoreConnect, SaysWhereItCannotConnect) {
  const std::unique_ptr<RedisStore> store = *RedisStore::Create(
      {.url = "unix://user:secret@/tmp/merganser_no_such_directory/x.sock"});
  const absl::Status status = store->Ping();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(Message(status),
              AllOf(HasSubstr("unix:///tmp/merganser_no_such_directory/x.sock"),
                    HasSubstr("is it running"), Not(HasSubstr("secret"))));
}

class RedisPassword : public RedisFixture {
 protected:
  RedisPassword() : RedisFixture({"--requirepass", "right"}) {}
  std::string Url(const std::string& credentials) {
    return "unix://" + credentials + server_->socket_path();
  }
};

TEST_F(RedisPassword, OnlyTheRightOneIsLetIn) {
  EXPECT_EQ(Store(Url(":right@"))->Ping(), absl::OkStatus());
  EXPECT_EQ(Store(Url("default:right@"))->Ping(), absl::OkStatus());
  for (const char* credentials : {":secret@", "nobody:secret@", ""}) {
    const absl::Status status = Store(Url(credentials))->Ping();
    EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
    EXPECT_THAT(Message(status),
                AllOf(HasSubstr(server_->url()), HasSubstr("Redis URL"),
                      Not(HasSubstr("secret"))));
  }
}

TEST_F(RedisStoreTest, APasswordThatRedisDoesNotWantIsSaid) {
  EXPECT_TRUE(absl::IsUnauthenticated(
      Store("unix://:secret@" + server_->socket_path())->Ping()));
}

TEST(RedisSettingsTest, WarnsOfSettingsThatLoseCampaigns) {
  const auto durable = *RedisServer::Start();
  const auto store = *RedisStore::Create({.url = durable->url()});
  EXPECT_THAT(store->DurabilityWarnings(), testing::IsEmpty());
  const auto careless = *RedisServer::Start(
      {"--appendfsync", "no", "--maxmemory-policy", "allkeys-lru"});
  const auto other = *RedisStore::Create({.url = careless->url()});
  EXPECT_THAT(other->DurabilityWarnings(),
              testing::ElementsAre(testing::HasSubstr("appendfsync no"),
                                   testing::HasSubstr("maxmemory-policy")));
}

}  // namespace
}  // namespace merganser
