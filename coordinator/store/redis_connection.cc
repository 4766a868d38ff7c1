#include "coordinator/store/redis_connection.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "coordinator/store/store_errors.h"

namespace merganser {
namespace {

// Copies what hiredis parsed.
RedisReply Converted(const redisReply& reply) {
  RedisReply result;
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      result.type = RedisReply::Type::kInteger;
      result.integer = reply.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      result.type = RedisReply::Type::kText;
      result.text.assign(reply.str, reply.len);
      break;
    case REDIS_REPLY_ERROR:
      result.type = RedisReply::Type::kError;
      result.text.assign(reply.str, reply.len);
      break;
    case REDIS_REPLY_ARRAY:
      result.type = RedisReply::Type::kArray;
      result.elements.reserve(reply.elements);
      for (size_t i = 0; i < reply.elements; ++i) {
        result.elements.push_back(Converted(*reply.element[i]));
      }
      break;
    default:
      break;
  }
  return result;
}

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};

}  // namespace

absl::Status RedisReply::status() const {
  return type == Type::kError ? RedisReplyError(text) : absl::OkStatus();
}

void RedisConnection::Free::operator()(redisContext* context) const {
  redisFree(context);
}

absl::StatusOr<std::unique_ptr<RedisConnection>> RedisConnection::Connect(
    const RedisAddress& address, absl::Duration connect_timeout,
    absl::Duration command_timeout) {
  std::unique_ptr<RedisConnection> connection(
      new RedisConnection(address, command_timeout));
  RETURN_IF_ERROR(connection->Open(address, connect_timeout));
  RETURN_IF_ERROR(Annotate(connection->Introduce(address),
                           absl::StrCat("Redis at ", connection->where_)));
  return connection;
}

absl::Status RedisConnection::Open(const RedisAddress& address,
                                   absl::Duration connect_timeout) {
  const timeval timeout = absl::ToTimeval(connect_timeout);
  context_.reset(
      address.unix_path.empty()
          ? redisConnectWithTimeout(address.host.c_str(), address.port, timeout)
          : redisConnectUnixWithTimeout(address.unix_path.c_str(), timeout));
  if (context_ == nullptr || context_->err != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot connect to Redis at ", where_, ": ",
                     context_ == nullptr ? "out of memory" : context_->errstr,
                     " (is it running there, and can this host reach it?)"));
  }
  if (address.unix_path.empty()) redisEnableKeepAlive(context_.get());
  redisSetTimeout(context_.get(), absl::ToTimeval(command_timeout_));
  return absl::OkStatus();
}

absl::Status RedisConnection::Introduce(const RedisAddress& address) {
  std::vector<RedisCommand> commands;
  if (!address.password.empty()) {
    commands.push_back({"AUTH"});
    if (!address.user.empty()) commands.back().push_back(address.user);
    commands.back().push_back(address.password);
  }
  if (address.database != 0) {
    commands.push_back({"SELECT", absl::StrCat(address.database)});
  }
  commands.push_back({"CLIENT", "ID"});
  ASSIGN_OR_RETURN(const std::vector<RedisReply> replies, Run(commands));
  for (const RedisReply& reply : replies) RETURN_IF_ERROR(reply.status());
  client_id_ = replies.back().integer;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RedisReply>> RedisConnection::Run(
    const std::vector<RedisCommand>& commands) {
  for (const RedisCommand& command : commands) RETURN_IF_ERROR(Send(command));
  std::vector<RedisReply> replies;
  replies.reserve(commands.size());
  for (size_t i = 0; i < commands.size(); ++i) {
    ASSIGN_OR_RETURN(RedisReply reply, Receive());
    replies.push_back(std::move(reply));
  }
  return replies;
}

// hiredis' own write raises SIGPIPE on a closed connection, which would end
// the process; so it only formats the command.
absl::Status RedisConnection::Send(const RedisCommand& command) {
  std::vector<const char*> arguments;
  std::vector<size_t> lengths;
  for (const std::string& argument : command) {
    arguments.push_back(argument.data());
    lengths.push_back(argument.size());
  }
  char* formatted = nullptr;
  const int size =
      redisFormatCommandArgv(&formatted, static_cast<int>(arguments.size()),
                             arguments.data(), lengths.data());
  if (size < 0) return absl::ResourceExhaustedError("out of memory");
  const std::unique_ptr<char, decltype(&redisFreeCommand)> owner(
      formatted, redisFreeCommand);
  ssize_t sent = 0;
  while (sent < size) {
    const ssize_t count = send(context_->fd, formatted + sent,
                               static_cast<size_t>(size - sent), MSG_NOSIGNAL);
    if (count >= 0) {
      sent += count;
    } else if (errno != EINTR) {
      return Broken(errno);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<RedisReply> RedisConnection::Receive() {
  void* raw = nullptr;
  errno = 0;
  if (redisGetReply(context_.get(), &raw) != REDIS_OK) {
    if (context_->err == REDIS_ERR_IO) return Broken(errno);
    return absl::UnavailableError(absl::StrCat(
        "Redis at ", where_, " broke the connection: ", context_->errstr));
  }
  const std::unique_ptr<redisReply, FreeReply> reply(
      static_cast<redisReply*>(raw));
  return Converted(*reply);
}

absl::Status RedisConnection::Broken(int error_number) const {
  if (error_number == EAGAIN || error_number == EWOULDBLOCK) {
    return absl::UnavailableError(
        absl::StrCat("Redis at ", where_, " did not answer within ",
                     absl::FormatDuration(command_timeout_)));
  }
  return absl::UnavailableError(absl::StrCat("lost the connection to Redis at ",
                                             where_, ": ",
                                             std::strerror(error_number)));
}

bool RedisConnection::LooksAlive() const {
  pollfd state{context_->fd, POLLIN, 0};
  return poll(&state, 1, 0) == 0;
}

}  // namespace merganser
