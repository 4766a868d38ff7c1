// Where a Redis is, as the operator writes it.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace merganser {

struct RedisAddress {
  std::string unix_path;  // set: a unix socket, and host and port are unused
  std::string host;
  int port = 6379;
  int database = 0;
  std::string user;      // empty: the default user
  std::string password;  // empty: none

  // The URL without user and password, for messages.
  std::string ToString() const;
};

// Forms, with %xx for special characters in user, password and path:
//
//   redis://[[user]:password@]host[:port][/database]    [::1] for IPv6
//   unix://[[user]:password@]/path/to.sock
//
// Errors: InvalidArgument; the message never repeats the password.
absl::StatusOr<RedisAddress> ParseRedisUrl(const std::string& url);

}  // namespace merganser
