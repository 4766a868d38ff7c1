// A small HTTP server for pages that are made when they are asked for.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

struct MHD_Daemon;

namespace merganser {

struct HttpAnswer {
  int code = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

// What is wrong with HOST:PORT, for a command line; empty if nothing is. HOST
// is a name, an IPv4 address, or an IPv6 address in brackets; PORT 0 … 65535.
std::string HttpAddressError(const std::string& address);

// Answers GET and HEAD, nothing else, over HTTP/1.1 without encryption. Its two
// threads poll all connections, so that a slow client holds up nobody: at most
// 64 connections at once and 32 of one address, 16 KiB of each kept for its
// request, and one is closed after 10 s of silence. Bodies are not read.
// Threads: safe.
class HttpServer {
 public:
  // `path` without the query. Called by two threads at once; may block, which
  // holds up the other connections of its thread.
  using Handler = std::function<HttpAnswer(const std::string& path)>;

  // Begins to serve. Port 0 takes a free one.
  // Errors: InvalidArgument as HttpAddressError; FailedPrecondition when it
  // cannot listen there, with the reason.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      const std::string& address, Handler handler);
  // Returns when no handler runs any more.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // "127.0.0.1:9100", "[::]:9100": as the socket has it.
  const std::string& address() const { return address_; }
  int port() const { return port_; }

 private:
  friend struct HttpCallback;
  explicit HttpServer(Handler handler) : handler_(std::move(handler)) {}

  const Handler handler_;
  std::string address_;
  int port_ = 0;
  MHD_Daemon* daemon_ = nullptr;
};

}  // namespace merganser
