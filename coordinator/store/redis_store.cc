#include "coordinator/store/redis_store.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "coordinator/store/keys.h"
#include "coordinator/store/store_errors.h"

namespace merganser {
namespace {

constexpr char kEpoch[] = "epoch";
constexpr char kRevision[] = "revision";
constexpr char kCounter[] = "counter";
constexpr char kAddress[] = "address";

template <typename Number>
absl::StatusOr<Number> ParseNumber(const std::string& text,
                                   const std::string& what) {
  Number number;
  if (absl::SimpleAtoi(text, &number)) return number;
  return absl::DataLossError(
      absl::StrCat(what, ": stored text is not a number"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RedisStore>> RedisStore::Create(
    const Options& options) {
  ASSIGN_OR_RETURN(RedisAddress address, ParseRedisUrl(options.url));
  if (options.connect_timeout <= absl::ZeroDuration() ||
      options.command_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "Redis connect_timeout and command_timeout: expected more than 0");
  }
  return std::unique_ptr<RedisStore>(
      new RedisStore(std::move(address), options));
}

RedisStore::RedisStore(RedisAddress address, const Options& options)
    : address_(std::move(address)),
      connect_timeout_(options.connect_timeout),
      command_timeout_(options.command_timeout) {}

// --- Connections.

absl::StatusOr<std::unique_ptr<RedisConnection>> RedisStore::Borrow() {
  std::unique_ptr<RedisConnection> connection;
  {
    absl::MutexLock lock(&mutex_);
    while (connection == nullptr && !idle_.empty()) {
      if (idle_.back()->LooksAlive()) connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (connection == nullptr) {
    ASSIGN_OR_RETURN(
        connection,
        RedisConnection::Connect(address_, connect_timeout_, command_timeout_));
  }
  RETURN_IF_ERROR(KillDoubtful(*connection));
  return connection;
}

// After a restart of Redis the ids may be those of healthy clients, even ours:
// they connect again, as after any lost connection.
absl::Status RedisStore::KillDoubtful(RedisConnection& connection) {
  std::vector<int64_t> doubtful;
  {
    absl::MutexLock lock(&mutex_);
    doubtful = doubtful_;
  }
  if (doubtful.empty()) return absl::OkStatus();
  std::vector<RedisCommand> commands;
  for (int64_t client_id : doubtful) {
    commands.push_back({"CLIENT", "KILL", "ID", absl::StrCat(client_id)});
  }
  ASSIGN_OR_RETURN(const std::vector<RedisReply> replies,
                   connection.Run(commands));
  for (const RedisReply& reply : replies) RETURN_IF_ERROR(reply.status());
  absl::MutexLock lock(&mutex_);
  std::erase_if(doubtful_, [&](int64_t client_id) {
    return std::find(doubtful.begin(), doubtful.end(), client_id) !=
           doubtful.end();
  });
  return absl::OkStatus();
}

void RedisStore::GiveBack(std::unique_ptr<RedisConnection> connection) {
  absl::MutexLock lock(&mutex_);
  if (idle_.size() < kMaxIdleConnections) {
    idle_.push_back(std::move(connection));
  }
}

absl::StatusOr<std::vector<RedisReply>> RedisStore::Run(
    const std::vector<RedisCommand>& commands) {
  ASSIGN_OR_RETURN(std::unique_ptr<RedisConnection> connection, Borrow());
  absl::StatusOr<std::vector<RedisReply>> replies = connection->Run(commands);
  if (replies.ok()) {
    GiveBack(std::move(connection));
  } else {
    absl::MutexLock lock(&mutex_);
    doubtful_.push_back(connection->client_id());
  }
  return replies;
}

absl::StatusOr<RedisReply> RedisStore::Run(const RedisCommand& command) {
  ASSIGN_OR_RETURN(std::vector<RedisReply> replies,
                   Run(std::vector<RedisCommand>{command}));
  RETURN_IF_ERROR(Annotate(replies[0].status(),
                           absl::StrCat("Redis at ", address_.ToString())));
  return std::move(replies[0]);
}

absl::StatusOr<ScriptResult> RedisStore::Run(const ScriptCall& call) {
  ASSIGN_OR_RETURN(std::vector<RedisReply> replies,
                   Run(std::vector<RedisCommand>{call.ByDigest()}));
  if (absl::StartsWith(replies[0].text, "NOSCRIPT")) {
    ASSIGN_OR_RETURN(replies, Run(std::vector<RedisCommand>{call.ByText()}));
  }
  absl::StatusOr<ScriptResult> result = ParseScriptReply(replies[0]);
  if (result.ok()) return result;
  return Annotate(result.status(),
                  absl::StrCat("Redis at ", address_.ToString()));
}

absl::Status RedisStore::Ping() { return Run(RedisCommand{"PING"}).status(); }

std::vector<std::string> RedisStore::DurabilityWarnings() {
  struct Wanted {
    const char* setting;
    const char* value;
    const char* risk;
  };
  constexpr Wanted kWanted[] = {
      {"appendonly", "yes", "a crash of Redis loses campaigns"},
      {"appendfsync", "always", "a crash of the host loses results"},
      {"maxmemory-policy", "noeviction", "Redis may evict campaigns"},
  };
  std::vector<std::string> warnings;
  for (const Wanted& wanted : kWanted) {
    const absl::StatusOr<RedisReply> reply =
        Run(RedisCommand{"CONFIG", "GET", wanted.setting});
    if (!reply.ok() || reply->elements.size() != 2) {
      warnings.push_back(absl::StrCat("Redis does not tell its setting ",
                                      wanted.setting, "; it should be ",
                                      wanted.value));
    } else if (reply->elements[1].text != wanted.value) {
      warnings.push_back(absl::StrCat(
          "Redis has ", wanted.setting, " ", reply->elements[1].text,
          " where it should be ", wanted.value, ": ", wanted.risk));
    }
  }
  return warnings;
}

// --- The owner.

absl::StatusOr<OwnerRecord> RedisStore::ReadOwner() {
  ASSIGN_OR_RETURN(
      RedisReply reply,
      Run(RedisCommand{"HMGET", OwnerKey(), kEpoch, kCounter, kAddress}));
  OwnerRecord owner;
  if (reply.elements[0].type == RedisReply::Type::kNil) return owner;
  ASSIGN_OR_RETURN(owner.epoch, ParseNumber<uint64_t>(reply.elements[0].text,
                                                      "owner's epoch"));
  ASSIGN_OR_RETURN(owner.counter, ParseNumber<uint64_t>(reply.elements[1].text,
                                                        "owner's counter"));
  owner.address = std::move(reply.elements[2].text);
  return owner;
}

absl::Status RedisStore::TakeOwnership(const OwnerRecord& expected,
                                       uint64_t new_epoch,
                                       const std::string& address) {
  RETURN_IF_ERROR(CheckEpoch(new_epoch));
  ScriptCall call;
  if (expected.epoch == 0) {
    call.RequireAbsent(OwnerKey(), kEpoch);
  } else {
    call.RequireEqual(OwnerKey(), kEpoch, absl::StrCat(expected.epoch));
  }
  if (expected.epoch == 0 && expected.counter == 0) {
    call.RequireAbsent(OwnerKey(), kCounter);
  } else {
    call.RequireEqual(OwnerKey(), kCounter, absl::StrCat(expected.counter));
  }
  call.SetField(OwnerKey(), kEpoch, absl::StrCat(new_epoch));
  call.SetField(OwnerKey(), kCounter, absl::StrCat(expected.counter + 1));
  call.SetField(OwnerKey(), kAddress, address);
  ASSIGN_OR_RETURN(const ScriptResult result, Run(call));
  return result.failed_check.has_value() ? OwnerMoved() : absl::OkStatus();
}

absl::Status RedisStore::MoveOwnerCounter(uint64_t epoch) {
  RETURN_IF_ERROR(CheckEpoch(epoch));
  ASSIGN_OR_RETURN(const OwnerRecord owner, ReadOwner());
  ScriptCall call;
  call.RequireEqual(OwnerKey(), kEpoch, absl::StrCat(epoch));
  call.SetField(OwnerKey(), kCounter, absl::StrCat(owner.counter + 1));
  ASSIGN_OR_RETURN(const ScriptResult result, Run(call));
  if (!result.failed_check.has_value()) return absl::OkStatus();
  return NotTheOwner(epoch, result.found);
}

// --- Writing campaigns.

absl::Status RedisStore::Create(const std::string& name, uint64_t epoch,
                                const Batch& batch) {
  RETURN_IF_ERROR(CheckCampaignName(name));
  RETURN_IF_ERROR(CheckEpoch(epoch));
  RETURN_IF_ERROR(CheckBatch(batch));
  ScriptCall call;
  call.RequireEqual(OwnerKey(), kEpoch, absl::StrCat(epoch));
  call.RequireAbsent(MetaKey(name), kRevision);
  call.SetField(MetaKey(name), kEpoch, absl::StrCat(epoch));
  call.SetField(MetaKey(name), kRevision, "1");
  call.AddBatch(name, batch);
  call.AddMember(CampaignIndexKey(), name);
  ASSIGN_OR_RETURN(const ScriptResult result, Run(call));
  if (!result.failed_check.has_value()) return absl::OkStatus();
  return *result.failed_check == 0 ? NotTheOwner(epoch, result.found)
                                   : CampaignAlreadyExists(name);
}

absl::StatusOr<int64_t> RedisStore::Claim(const std::string& name,
                                          uint64_t epoch) {
  RETURN_IF_ERROR(CheckCampaignName(name));
  RETURN_IF_ERROR(CheckEpoch(epoch));
  ScriptCall call;
  call.RequireEqual(OwnerKey(), kEpoch, absl::StrCat(epoch));
  call.RequirePresent(MetaKey(name), kRevision);
  call.SetField(MetaKey(name), kEpoch, absl::StrCat(epoch));
  ASSIGN_OR_RETURN(const ScriptResult result, Run(call));
  if (result.failed_check == 0) return NotTheOwner(epoch, result.found);
  if (result.failed_check == 1) return CampaignNotFound(name);
  // Nobody else can change it any more.
  return ReadRevision(name);
}

absl::Status RedisStore::Commit(const std::string& name, uint64_t epoch,
                                int64_t expected_revision, const Batch& batch) {
  RETURN_IF_ERROR(CheckCampaignName(name));
  RETURN_IF_ERROR(CheckEpoch(epoch));
  RETURN_IF_ERROR(CheckBatch(batch));
  ScriptCall call;
  call.RequirePresent(MetaKey(name), kRevision);
  call.RequireEqual(MetaKey(name), kEpoch, absl::StrCat(epoch));
  call.RequireEqual(MetaKey(name), kRevision, absl::StrCat(expected_revision));
  call.SetField(MetaKey(name), kRevision, absl::StrCat(expected_revision + 1));
  call.AddBatch(name, batch);
  ASSIGN_OR_RETURN(const ScriptResult result, Run(call));
  if (!result.failed_check.has_value()) return absl::OkStatus();
  if (*result.failed_check == 0) return CampaignNotFound(name);
  if (*result.failed_check == 1) {
    return CampaignOfAnotherEpoch(name, epoch, result.found);
  }
  return AnotherRevision(name, expected_revision, result.found);
}

absl::Status RedisStore::Delete(const std::string& name, uint64_t epoch) {
  RETURN_IF_ERROR(CheckCampaignName(name));
  RETURN_IF_ERROR(CheckEpoch(epoch));
  ScriptCall call;
  call.RequirePresent(MetaKey(name), kRevision);
  call.RequireEqual(MetaKey(name), kEpoch, absl::StrCat(epoch));
  for (const std::string& key : CampaignKeys(name)) call.Remove(key);
  call.RemoveMember(CampaignIndexKey(), name);
  ASSIGN_OR_RETURN(const ScriptResult result, Run(call));
  if (!result.failed_check.has_value()) return absl::OkStatus();
  return *result.failed_check == 0
             ? CampaignNotFound(name)
             : CampaignOfAnotherEpoch(name, epoch, result.found);
}

}  // namespace merganser
