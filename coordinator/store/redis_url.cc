#include "coordinator/store/redis_url.h"

#include <charconv>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

constexpr int kMaxPort = 65535;

absl::Status BadUrl(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(
      "Redis URL: ", problem,
      "; expected redis://[[user]:password@]host[:port][/database] or "
      "unix://[[user]:password@]/path/to.sock"));
}

absl::StatusOr<std::string> PercentDecoded(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    uint8_t byte = 0;
    const absl::string_view digits = text.substr(i + 1, 2);
    const char* const end = digits.data() + digits.size();
    if (digits.size() < 2 ||
        std::from_chars(digits.data(), end, byte, 16).ptr != end) {
      return BadUrl("'%' is not followed by two hexadecimal digits");
    }
    decoded.push_back(static_cast<char>(byte));
    i += 2;
  }
  return decoded;
}

// Takes "[user]:password@" off the front of `rest`.
absl::Status ParseCredentials(absl::string_view& rest, RedisAddress& address) {
  const size_t at = rest.rfind('@');
  if (at == absl::string_view::npos) return absl::OkStatus();
  const absl::string_view credentials = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  const size_t colon = credentials.find(':');
  if (colon == absl::string_view::npos) {
    return BadUrl("no ':' between user and password before '@'");
  }
  ASSIGN_OR_RETURN(address.user, PercentDecoded(credentials.substr(0, colon)));
  ASSIGN_OR_RETURN(address.password,
                   PercentDecoded(credentials.substr(colon + 1)));
  if (address.password.empty()) return BadUrl("the password is empty");
  return absl::OkStatus();
}

absl::Status ParseHost(absl::string_view rest, RedisAddress& address) {
  const size_t slash = rest.find('/');
  absl::string_view host = rest.substr(0, slash);
  if (slash != absl::string_view::npos && slash + 1 < rest.size()) {
    if (!absl::SimpleAtoi(rest.substr(slash + 1), &address.database) ||
        address.database < 0) {
      return BadUrl("the database after '/' is not a number");
    }
  }
  absl::string_view port;
  if (absl::StartsWith(host, "[")) {
    const size_t close = host.find(']');
    if (close == absl::string_view::npos) return BadUrl("']' is missing");
    port = host.substr(close + 1);
    host = host.substr(1, close - 1);
  } else if (const size_t colon = host.find(':');
             colon != absl::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  if (host.empty()) return BadUrl("the host is empty");
  address.host = std::string(host);
  if (port.empty()) return absl::OkStatus();
  if (!absl::ConsumePrefix(&port, ":") ||
      !absl::SimpleAtoi(port, &address.port) || address.port < 1 ||
      address.port > kMaxPort) {
    return BadUrl(
        absl::StrCat("the port is not a number from 1 to ", kMaxPort));
  }
  return absl::OkStatus();
}

}  // namespace

std::string RedisAddress::ToString() const {
  if (!unix_path.empty()) return absl::StrCat("unix://", unix_path);
  const bool ipv6 = host.find(':') != std::string::npos;
  return absl::StrCat("redis://", ipv6 ? "[" : "", host, ipv6 ? "]" : "", ":",
                      port, database == 0 ? "" : absl::StrCat("/", database));
}

absl::StatusOr<RedisAddress> ParseRedisUrl(const std::string& url) {
  RedisAddress address;
  absl::string_view rest = url;
  if (absl::ConsumePrefix(&rest, "unix://")) {
    RETURN_IF_ERROR(ParseCredentials(rest, address));
    if (!absl::StartsWith(rest, "/")) {
      return BadUrl("the path of the socket does not begin with '/'");
    }
    ASSIGN_OR_RETURN(address.unix_path, PercentDecoded(rest));
    return address;
  }
  if (!absl::ConsumePrefix(&rest, "redis://")) {
    return BadUrl("it begins with neither redis:// nor unix://");
  }
  RETURN_IF_ERROR(ParseCredentials(rest, address));
  RETURN_IF_ERROR(ParseHost(rest, address));
  return address;
}

}  // namespace merganser
