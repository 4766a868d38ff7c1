// The campaign store in Redis.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "coordinator/store/campaign_store.h"
#include "coordinator/store/redis_connection.h"
#include "coordinator/store/redis_script.h"
#include "coordinator/store/redis_url.h"

namespace merganser {

// Schema (keys.h builds every key; <c> stands for the hash tag {name}):
//
//   merganser:owner              hash  epoch, counter, address
//   merganser:campaigns          set   names
//   merganser:<c>:meta           hash  epoch, revision
//   merganser:<c>:<collection>   hash  decimal key → packed value
//   merganser:<c>:<list>         list  packed values
//
// Numbers are decimal text. A packed value is the caller's bytes and their
// CRC-32 (little-endian), since Redis' append-only file has no checksum.
//
// Consistency: every write is one run of commit.lua, which compares epochs and
// the revision first and only then writes; Redis runs it as one step and writes
// it to its append-only file as one transaction. Load is one MULTI/EXEC, so of
// one revision. Writes survive a crash of Redis if it runs with `appendonly
// yes` and `appendfsync always`, and are never evicted with `maxmemory-policy
// noeviction`: both are the operator's to set, on one primary (5.0 or later).
//
// A connection on which a reply is missing is never used again, and before
// anything else is asked of Redis its client is killed by id there, so that a
// command still on its way cannot be run later. This is what makes the outcome
// of a lost write final (CampaignStore). The Redis user needs `client|id` and
// `client|kill`.
//
// Threads: safe; each call takes a connection from a pool of at most
// kMaxIdleConnections idle ones, or opens one. A broken connection is replaced
// at the next call.
class RedisStore : public CampaignStore {
 public:
  struct Options {
    // Required; see ParseRedisUrl.
    std::string url;
    absl::Duration connect_timeout = absl::Seconds(5);
    // The longest silence of Redis in the middle of a command.
    absl::Duration command_timeout = absl::Seconds(10);
  };
  static constexpr size_t kMaxIdleConnections = 8;

  // Does not connect yet; Ping tells whether Redis can be reached.
  // Errors: InvalidArgument on a bad URL or a time that is not positive.
  static absl::StatusOr<std::unique_ptr<RedisStore>> Create(
      const Options& options);

  // What its settings put at risk, for the operator's log; empty when writes
  // survive a crash and nothing is evicted. A Redis that does not tell its
  // settings gives a line saying so.
  std::vector<std::string> DurabilityWarnings();

  absl::Status Ping() override;
  absl::StatusOr<OwnerRecord> ReadOwner() override;
  absl::Status TakeOwnership(const OwnerRecord& expected, uint64_t new_epoch,
                             const std::string& address) override;
  absl::Status MoveOwnerCounter(uint64_t epoch) override;
  absl::StatusOr<std::vector<std::string>> ListCampaigns() override;
  absl::Status Create(const std::string& name, uint64_t epoch,
                      const Batch& batch) override;
  absl::StatusOr<int64_t> Claim(const std::string& name,
                                uint64_t epoch) override;
  absl::Status Commit(const std::string& name, uint64_t epoch,
                      int64_t expected_revision, const Batch& batch) override;
  absl::Status Delete(const std::string& name, uint64_t epoch) override;
  absl::StatusOr<int64_t> ReadRevision(const std::string& name) override;
  absl::StatusOr<StoredCampaign> Load(const std::string& name) override;
  absl::StatusOr<std::vector<std::string>> ReadList(const std::string& name,
                                                    ListCollection list,
                                                    int64_t first,
                                                    int64_t count) override;
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Dump(
      const std::string& name) override;

 private:
  RedisStore(RedisAddress address, const Options& options);

  // Sends the commands together and returns their replies.
  absl::StatusOr<std::vector<RedisReply>> Run(
      const std::vector<RedisCommand>& commands);
  absl::StatusOr<RedisReply> Run(const RedisCommand& command);
  // Runs commit.lua.
  absl::StatusOr<ScriptResult> Run(const ScriptCall& call);

  absl::StatusOr<std::unique_ptr<RedisConnection>> Borrow();
  void GiveBack(std::unique_ptr<RedisConnection> connection);
  absl::Status KillDoubtful(RedisConnection& connection);

  const RedisAddress address_;
  const absl::Duration connect_timeout_;
  const absl::Duration command_timeout_;
  absl::Mutex mutex_;
  std::vector<std::unique_ptr<RedisConnection>> idle_ ABSL_GUARDED_BY(mutex_);
  // Clients of Redis that may still have a command of ours on the way.
  std::vector<int64_t> doubtful_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace merganser
