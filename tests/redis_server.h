// A Redis of a test's own.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace merganser {

// A redis-server process (found in PATH) that listens on a unix socket in a
// private directory only, with `appendonly yes` and `appendfsync always`.
// Killed, and the directory removed, by the destructor; killed also when the
// thread that started it ends.
// Threads: none.
class RedisServer {
 public:
  // Returns once the server answers.
  // `extra_arguments`: such as {"--requirepass", "secret"}.
  // Errors: NotFound without redis-server in PATH; Internal, with the server's
  // log, if it does not come up.
  static absl::StatusOr<std::unique_ptr<RedisServer>> Start(
      std::vector<std::string> extra_arguments = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  // "unix:///tmp/merganser_redis_abc123/redis.sock"
  std::string url() const { return "unix://" + socket_path(); }
  std::string socket_path() const { return directory_ + "/redis.sock"; }
  // 0 while it does not run.
  pid_t pid() const { return pid_; }

  // SIGKILL; returns once the process is gone. What it had written stays.
  void Kill();
  // Kills it if it runs and starts it on the same data; errors as Start.
  absl::Status Restart();
  // SIGSTOP: it answers nothing until Resume, yet takes connections and bytes.
  void Suspend();
  void Resume();

 private:
  RedisServer() = default;
  absl::Status Launch();
  absl::Status WaitUntilItAnswers();

  std::string directory_;
  std::vector<std::string> extra_arguments_;
  pid_t pid_ = 0;
};

}  // namespace merganser
