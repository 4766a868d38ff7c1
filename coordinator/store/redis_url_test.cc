#include "coordinator/store/redis_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace merganser {
namespace {

using testing::HasSubstr;
using testing::Not;

struct GoodUrl {
  std::string name;
  std::string url;
  RedisAddress expected;
  std::string shown;
};

class GoodUrls : public testing::TestWithParam<GoodUrl> {};

TEST_P(GoodUrls, Parse) {
  const absl::StatusOr<RedisAddress> address = ParseRedisUrl(GetParam().url);
  ASSERT_TRUE(address.ok()) << address.status();
  const RedisAddress& expected = GetParam().expected;
  EXPECT_EQ(address->unix_path, expected.unix_path);
  EXPECT_EQ(address->host, expected.host);
  EXPECT_EQ(address->port, expected.port);
  EXPECT_EQ(address->database, expected.database);
  EXPECT_EQ(address->user, expected.user);
  EXPECT_EQ(address->password, expected.password);
  EXPECT_EQ(address->ToString(), GetParam().shown);
}

INSTANTIATE_TEST_SUITE_P(
    Table, GoodUrls,
    testing::Values(GoodUrl{"Host",
                            "redis://redis",
                            {"", "redis", 6379, 0, "", ""},
                            "redis://redis:6379"},
                    GoodUrl{"HostAndPort",
                            "redis://10.0.0.1:7000",
                            {"", "10.0.0.1", 7000, 0, "", ""},
                            "redis://10.0.0.1:7000"},
                    GoodUrl{"Database",
                            "redis://h:1/3",
                            {"", "h", 1, 3, "", ""},
                            "redis://h:1/3"},
                    GoodUrl{"EmptyDatabase",
                            "redis://h/",
                            {"", "h", 6379, 0, "", ""},
                            "redis://h:6379"},
                    GoodUrl{"Password",
                            "redis://:secret@h",
                            {"", "h", 6379, 0, "", "secret"},
                            "redis://h:6379"},
                    GoodUrl{"UserAndPassword",
                            "redis://me:secret@h:65535/1",
                            {"", "h", 65535, 1, "me", "secret"},
                            "redis://h:65535/1"},
                    GoodUrl{"EscapedPassword",
                            "redis://:p%40ss%2fw%3A%25@h",
                            {"", "h", 6379, 0, "", "p@ss/w:%"},
                            "redis://h:6379"},
                    GoodUrl{"PasswordWithColonAndAt",
                            "redis://u:a:b@c@h",
                            {"", "h", 6379, 0, "u", "a:b@c"},
                            "redis://h:6379"},
                    GoodUrl{"Ipv6",
                            "redis://[::1]:7000/2",
                            {"", "::1", 7000, 2, "", ""},
                            "redis://[::1]:7000/2"},
                    GoodUrl{"Unix",
                            "unix:///run/redis.sock",
                            {"/run/redis.sock", "", 6379, 0, "", ""},
                            "unix:///run/redis.sock"},
                    GoodUrl{"UnixWithPassword",
                            "unix://:secret@/run/a%20b.sock",
                            {"/run/a b.sock", "", 6379, 0, "", "secret"},
                            "unix:///run/a b.sock"}),
    [](const auto& info) { return info.param.name; });

struct BadUrl {
  std::string name;
  std::string url;
  std::string problem;
};

class BadUrls : public testing::TestWithParam<BadUrl> {};

TEST_P(BadUrls, AreRefusedWithoutShowingThePassword) {
  const absl::Status status = ParseRedisUrl(GetParam().url).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().problem));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadUrls,
    testing::Values(
        BadUrl{"Empty", "", "neither redis:// nor unix://"},
        BadUrl{"NoScheme", "localhost:6379", "neither redis:// nor unix://"},
        BadUrl{"Tls", "rediss://:secret@h", "neither redis:// nor unix://"},
        BadUrl{"NoHost", "redis://", "host is empty"},
        BadUrl{"NoHostButPort", "redis://:6379", "host is empty"},
        BadUrl{"NoPasswordSeparator", "redis://secret@h", "no ':'"},
        BadUrl{"EmptyPassword", "redis://user:@h", "password is empty"},
        BadUrl{"PortZero", "redis://:secret@h:0", "port"},
        BadUrl{"PortTooLarge", "redis://h:65536", "port"},
        BadUrl{"PortEmpty", "redis://h:", "port"},
        BadUrl{"PortNoNumber", "redis://h:x", "port"},
        BadUrl{"DatabaseNoNumber", "redis://h/x", "database"},
        BadUrl{"DatabaseNegative", "redis://h/-1", "database"},
        BadUrl{"OpenBracket", "redis://[::1", "']' is missing"},
        BadUrl{"BrokenEscape", "redis://:secret%4@h", "hexadecimal"},
        BadUrl{"RelativeSocket", "unix://run/redis.sock", "'/'"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace merganser
