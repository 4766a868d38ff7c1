// One connection to Redis: hiredis behind a Status.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/store/redis_url.h"

struct redisContext;

namespace merganser {

// A command's name and arguments; any bytes.
using RedisCommand = std::vector<std::string>;

struct RedisReply {
  enum class Type { kNil, kInteger, kText, kArray, kError };
  Type type = Type::kNil;
  int64_t integer = 0;
  std::string text;  // kText: also of status replies; kError: the message
  std::vector<RedisReply> elements;

  // OK, or the error that Redis replied with (RedisReplyError).
  absl::Status status() const;
};

// Threads: none; one thread at a time.
class RedisConnection {
 public:
  // Connects, authenticates and selects the database.
  // Errors: Unavailable, Unauthenticated, PermissionDenied; messages name the
  // address, never the password.
  static absl::StatusOr<std::unique_ptr<RedisConnection>> Connect(
      const RedisAddress& address, absl::Duration connect_timeout,
      absl::Duration command_timeout);

  // Sends all commands, then reads all replies, which may be errors.
  // Errors: Unavailable: the connection is of no further use, and whether
  // Redis ran (or will run) the commands is unknown.
  absl::StatusOr<std::vector<RedisReply>> Run(
      const std::vector<RedisCommand>& commands);

  // False if Redis has closed an idle connection.
  bool LooksAlive() const;
  // What Redis calls this connection.
  int64_t client_id() const { return client_id_; }

 private:
  struct Free {
    void operator()(redisContext* context) const;
  };
  RedisConnection(const RedisAddress& address, absl::Duration command_timeout)
      : where_(address.ToString()), command_timeout_(command_timeout) {}

  absl::Status Open(const RedisAddress& address,
                    absl::Duration connect_timeout);
  absl::Status Introduce(const RedisAddress& address);
  absl::Status Send(const RedisCommand& command);
  absl::StatusOr<RedisReply> Receive();
  // What errno says about a failed send or receive.
  absl::Status Broken(int error_number) const;

  const std::string where_;
  const absl::Duration command_timeout_;
  std::unique_ptr<redisContext, Free> context_;
  int64_t client_id_ = 0;
};

}  // namespace merganser
