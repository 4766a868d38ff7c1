#include "common/telemetry/http_server.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

constexpr unsigned kThreads = 2;
constexpr unsigned kConnections = 64;
constexpr unsigned kConnectionsOfOneAddress = 32;
constexpr size_t kConnectionBytes = 16 << 10;
constexpr unsigned kSilenceSeconds = 10;
constexpr int kBacklog = 64;

struct HostAndPort {
  std::string host;
  int port = 0;
};

std::optional<HostAndPort> Split(absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  absl::string_view host = address.substr(0, colon);
  HostAndPort parts;
  if (!absl::SimpleAtoi(address.substr(colon + 1), &parts.port) ||
      parts.port < 0 || parts.port > 65535) {
    return std::nullopt;
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]") != absl::string_view::npos) {
    return std::nullopt;
  }
  if (host.empty()) return std::nullopt;
  parts.host = std::string(host);
  return parts;
}

// Listens on the first of the host's addresses that allows it.
absl::StatusOr<int> Listen(const HostAndPort& where) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(
      where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found);
  if (error != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(where.host, ": ", gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> guard(found,
                                                             freeaddrinfo);
  int cause = 0;
  for (const addrinfo* next = found; next != nullptr; next = next->ai_next) {
    const int listener = socket(
        next->ai_family, next->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) {
      cause = errno;
      continue;
    }
    const int yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(listener, next->ai_addr, next->ai_addrlen) == 0 &&
        listen(listener, kBacklog) == 0) {
      return listener;
    }
    cause = errno;
    close(listener);
  }
  return absl::FailedPreconditionError(
      absl::StrCat(where.host, ":", where.port, ": ", strerror(cause)));
}

HostAndPort NameOf(int listener) {
  sockaddr_storage bound{};
  socklen_t length = sizeof(bound);
  char host[NI_MAXHOST] = "";
  char port[NI_MAXSERV] = "";
  HostAndPort name;
  if (getsockname(listener, reinterpret_cast<sockaddr*>(&bound), &length) ==
          0 &&
      getnameinfo(reinterpret_cast<sockaddr*>(&bound), length, host,
                  sizeof(host), port, sizeof(port),
                  NI_NUMERICHOST | NI_NUMERICSERV) == 0 &&
      absl::SimpleAtoi(port, &name.port)) {
    name.host =
        bound.ss_family == AF_INET6 ? absl::StrCat("[", host, "]") : host;
  }
  return name;
}

MHD_Result Send(MHD_Connection* connection, const HttpAnswer& answer) {
  MHD_Response* response = MHD_create_response_from_buffer(
      answer.body.size(), const_cast<char*>(answer.body.data()),
      MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                          answer.content_type.c_str());
  MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  if (answer.code == MHD_HTTP_METHOD_NOT_ALLOWED) {
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  }
  const MHD_Result queued = MHD_queue_response(
      connection, static_cast<unsigned>(answer.code), response);
  MHD_destroy_response(response);
  return queued;
}

}  // namespace

// What libmicrohttpd calls for each request.
struct HttpCallback {
  static MHD_Result Answer(void* server, MHD_Connection* connection,
                           const char* path, const char* method,
                           const char* /*version*/, const char* /*body*/,
                           size_t* /*body_bytes*/, void** /*request*/) {
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
        strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
      return Send(connection, {.code = MHD_HTTP_METHOD_NOT_ALLOWED,
                               .body = "GET and HEAD only\n"});
    }
    return Send(connection, static_cast<HttpServer*>(server)->handler_(path));
  }
};

std::string HttpAddressError(const std::string& address) {
  if (Split(address).has_value()) return "";
  return absl::StrCat("expected HOST:PORT, such as 127.0.0.1:9100; got \"",
                      address, "\"");
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    const std::string& address, Handler handler) {
  const std::optional<HostAndPort> where = Split(address);
  if (!where.has_value()) {
    return absl::InvalidArgumentError(HttpAddressError(address));
  }
  ASSIGN_OR_RETURN(const int listener, Listen(*where));
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(handler)));
  const HostAndPort bound = NameOf(listener);
  server->port_ = bound.port;
  server->address_ = absl::StrCat(bound.host, ":", bound.port);
  // The threads' stacks are the system's default, 8 MiB as a rule: libtorch's
  // static TLS alone takes more than 100 KiB of each.
  server->daemon_ = MHD_start_daemon(
      MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL, 0, nullptr, nullptr,
      &HttpCallback::Answer, server.get(),  //
      MHD_OPTION_LISTEN_SOCKET, listener,   //
      MHD_OPTION_THREAD_POOL_SIZE, kThreads, MHD_OPTION_CONNECTION_LIMIT,
      kConnections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
      kConnectionsOfOneAddress, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      kConnectionBytes, MHD_OPTION_CONNECTION_TIMEOUT, kSilenceSeconds,
      MHD_OPTION_END);
  if (server->daemon_ == nullptr) {
    close(listener);
    return absl::FailedPreconditionError(
        absl::StrCat(address, ": the HTTP server does not start"));
  }
  return server;
}

HttpServer::~HttpServer() {
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);  // closes the socket
}

}  // namespace merganser
