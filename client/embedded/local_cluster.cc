#include "client/embedded/local_cluster.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

// Stages of stopping: workers report to the coordinator, which writes to Redis.
constexpr int kRedisStage = 0;
constexpr int kCoordinatorStage = 1;
constexpr int kWorkerStage = 2;

// Exit code of our programs for a command line that they do not understand.
constexpr int kUsageExitCode = 2;

std::string LogPath(const ClusterOptions& options, const std::string& name) {
  return absl::StrCat(options.folder, "/logs/", name, ".log");
}

// A connected descriptor, or -1.
int Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return -1;
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) == 0) {
    return descriptor;
  }
  close(descriptor);
  return -1;
}

}  // namespace

absl::Status MakeClusterFolders(const std::string& folder) {
  for (const char* name : {"redis", "coordinator", "logs"}) {
    const std::string path = absl::StrCat(folder, "/", name);
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) {
      return absl::ErrnoToStatus(error.value(), path + ": cannot create");
    }
  }
  return absl::OkStatus();
}

ChildOptions RedisChild(const ClusterOptions& options) {
  return {.name = "redis-server",
          .process = {.binary = options.redis_binary,
                      .arguments = {"--port", "0",                         //
                                    "--unixsocket", options.redis_socket,  //
                                    "--unixsocketperm", "700",             //
                                    "--dir", options.folder + "/redis",    //
                                    "--appendonly", "yes",                 //
                                    "--appendfsync", "always",             //
                                    "--save", "",                          //
                                    // The default of 64 MB is for databases
                                    // of many users.
                                    "--auto-aof-rewrite-min-size", "8mb",  //
                                    "--maxmemory-policy", "noeviction",    //
                                    "--daemonize", "no"},
                      .log_path = LogPath(options, "redis")},
          .stage = kRedisStage};
}

ChildOptions CoordinatorChild(const ClusterOptions& options) {
  return {
      .name = "merganser-coordinator",
      .process = {.binary = options.coordinator_binary,
                  .arguments = {"--listen=unix:" + options.coordinator_socket,
                                "--redis=unix://" + options.redis_socket,
                                "--data=" + options.folder + "/coordinator",
                                // No other coordinator can reach this
                                // Redis: there is nobody to wait for.
                                "--owner-timeout=0"},
                  .log_path = LogPath(options, "coordinator")},
      .usage_exit_code = kUsageExitCode,
      .stage = kCoordinatorStage};
}

ChildOptions WorkerChild(const ClusterOptions& options, int index) {
  const std::string name = absl::StrCat("worker-", index);
  ChildOptions child{
      .name = "merganser-" + name,
      .process = {.binary = options.worker_binary,
                  .arguments = {"--coordinator=unix:" +
                                    options.coordinator_socket,
                                "--device=" + options.device,
                                absl::StrCat("--threads=",
                                             options.threads_per_worker)},
                  .log_path = LogPath(options, name)},
      .usage_exit_code = kUsageExitCode,
      .stage = kWorkerStage};
  if (!options.models_root.empty()) {
    child.process.arguments.push_back("--models-root=" + options.models_root);
  }
  return child;
}

bool RedisAnswers(const std::string& socket) {
  const int descriptor = Connect(socket);
  if (descriptor < 0) return false;
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  std::string answer(128, '\0');
  ssize_t got = -1;
  if (send(descriptor, "PING\r\n", 6, MSG_NOSIGNAL) == 6) {
    got = recv(descriptor, answer.data(), answer.size(), 0);
  }
  close(descriptor);
  answer.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return absl::StartsWith(answer, "+PONG");
}

bool TakesConnections(const std::string& socket) {
  const int descriptor = Connect(socket);
  if (descriptor < 0) return false;
  close(descriptor);
  return true;
}

}  // namespace merganser
