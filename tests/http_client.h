// As much of HTTP as tests need.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace merganser {

// A connection of bytes to 127.0.0.1, closed with the object.
class LocalConnection {
 public:
  explicit LocalConnection(int port);
  ~LocalConnection();
  LocalConnection(const LocalConnection&) = delete;
  LocalConnection& operator=(const LocalConnection&) = delete;

  bool open() const { return socket_ >= 0; }
  bool Send(const std::string& bytes) const;
  // What comes until the other side closes, or nothing comes for 30 s.
  std::string ReadToEnd() const;

 private:
  int socket_ = -1;
};

struct HttpReply {
  int code = 0;
  std::string head;
  std::string body;
};

// Errors: Unavailable when nobody answers.
absl::StatusOr<HttpReply> HttpRequest(int port, const std::string& path,
                                      const std::string& method = "GET");

// The samples of a page in Prometheus' text format: `name{labels}`, as it is
// written there, to the value.
std::map<std::string, double> ParseMetrics(const std::string& page);

}  // namespace merganser
