#include "tests/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace merganser {

LocalConnection::LocalConnection(int port)
    : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval patience{.tv_sec = 30, .tv_usec = 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address),
              sizeof(address)) != 0) {
    close(std::exchange(socket_, -1));
  }
}

LocalConnection::~LocalConnection() {
  if (open()) close(socket_);
}

bool LocalConnection::Send(const std::string& bytes) const {
  return send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

std::string LocalConnection::ReadToEnd() const {
  std::string all;
  char buffer[4096];
  for (ssize_t got = 0; (got = recv(socket_, buffer, sizeof(buffer), 0)) > 0;) {
    all.append(buffer, static_cast<size_t>(got));
  }
  return all;
}

absl::StatusOr<HttpReply> HttpRequest(int port, const std::string& path,
                                      const std::string& method) {
  const LocalConnection connection(port);
  if (!connection.open() ||
      !connection.Send(absl::StrCat(method, " ", path,
                                    " HTTP/1.1\r\nHost: localhost\r\n"
                                    "Connection: close\r\n\r\n"))) {
    return absl::UnavailableError(absl::StrCat("port ", port));
  }
  const std::string all = connection.ReadToEnd();
  const size_t head_end = all.find("\r\n\r\n");
  HttpReply reply;
  if (head_end == std::string::npos ||
      !absl::SimpleAtoi(absl::string_view(all).substr(9, 3), &reply.code)) {
    return absl::UnavailableError(absl::StrCat("answer: ", all));
  }
  reply.head = all.substr(0, head_end);
  reply.body = all.substr(head_end + 4);
  return reply;
}

std::map<std::string, double> ParseMetrics(const std::string& page) {
  std::map<std::string, double> samples;
  for (const absl::string_view line :
       absl::StrSplit(page, '\n', absl::SkipEmpty())) {
    const size_t blank = line.rfind(' ');
    double value = 0;
    if (absl::StartsWith(line, "#") || blank == absl::string_view::npos ||
        !absl::SimpleAtod(line.substr(blank + 1), &value)) {
      continue;
    }
    samples[std::string(line.substr(0, blank))] = value;
  }
  return samples;
}

}  // namespace merganser
