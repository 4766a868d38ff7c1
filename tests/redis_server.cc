#include "tests/redis_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

constexpr auto kStartLimit = std::chrono::seconds(30);
constexpr int kPollMilliseconds = 5;
constexpr int kNotFoundExit = 127;

// What the server says to PING; empty if it cannot be reached.
std::string AnswerToPing(const std::string& socket_path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_path.c_str(),
               sizeof(address.sun_path) - 1);
  char answer[128];
  ssize_t size = 0;
  constexpr absl::string_view kPing = "PING\r\n";
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) == 0 &&
      send(fd, kPing.data(), kPing.size(), MSG_NOSIGNAL) > 0) {
    size = recv(fd, answer, sizeof(answer), 0);
  }
  close(fd);
  return std::string(answer, size > 0 ? static_cast<size_t>(size) : 0);
}

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

absl::StatusOr<std::unique_ptr<RedisServer>> RedisServer::Start(
    std::vector<std::string> extra_arguments) {
  std::unique_ptr<RedisServer> server(new RedisServer());
  server->extra_arguments_ = std::move(extra_arguments);
  std::string directory = "/tmp/merganser_redis_XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) {
    return absl::InternalError(
        absl::StrCat("cannot make ", directory, ": ", std::strerror(errno)));
  }
  server->directory_ = directory;
  absl::Status status = server->Launch();
  if (!status.ok()) return status;
  return server;
}

RedisServer::~RedisServer() {
  Kill();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

absl::Status RedisServer::Launch() {
  std::filesystem::remove(socket_path());
  std::vector<std::string> arguments = {"redis-server",
                                        "--port",
                                        "0",
                                        "--unixsocket",
                                        socket_path(),
                                        "--appendonly",
                                        "yes",
                                        "--appendfsync",
                                        "always",
                                        "--save",
                                        "",
                                        "--daemonize",
                                        "no",
                                        "--dir",
                                        directory_,
                                        "--logfile",
                                        directory_ + "/redis.log"};
  arguments.insert(arguments.end(), extra_arguments_.begin(),
                   extra_arguments_.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) {
    pid_ = 0;
    return absl::InternalError("cannot fork");
  }
  if (pid_ == 0) {
    // A test that crashes must not leave its server behind.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[0], argv.data());
    _exit(kNotFoundExit);
  }
  return WaitUntilItAnswers();
}

absl::Status RedisServer::WaitUntilItAnswers() {
  const auto deadline = std::chrono::steady_clock::now() + kStartLimit;
  while (std::chrono::steady_clock::now() < deadline) {
    const std::string answer = AnswerToPing(socket_path());
    if (absl::StartsWith(answer, "+PONG") ||
        absl::StartsWith(answer, "-NOAUTH")) {
      return absl::OkStatus();
    }
    int state = 0;
    if (waitpid(pid_, &state, WNOHANG) == pid_) {
      pid_ = 0;
      if (WIFEXITED(state) && WEXITSTATUS(state) == kNotFoundExit) {
        return absl::NotFoundError("redis-server is not in PATH");
      }
      break;
    }
    poll(nullptr, 0, kPollMilliseconds);
  }
  return absl::InternalError(absl::StrCat("redis-server does not answer: ",
                                          FileText(directory_ + "/redis.log")));
}

void RedisServer::Kill() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

absl::Status RedisServer::Restart() {
  Kill();
  return Launch();
}

void RedisServer::Suspend() {
  kill(pid_, SIGSTOP);
  int state = 0;
  waitpid(pid_, &state, WUNTRACED);
}

void RedisServer::Resume() { kill(pid_, SIGCONT); }

}  // namespace merganser
