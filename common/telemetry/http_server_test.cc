#include "common/telemetry/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/http_client.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::unique_ptr<HttpServer> StartEcho() {
  auto server = HttpServer::Start("127.0.0.1:0", [](const std::string& path) {
    return HttpAnswer{.code = path == "/none" ? 404 : 200,
                      .body = absl::StrCat("you asked for ", path)};
  });
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

TEST(HttpServerTest, AnswersWithThePath) {
  const auto server = StartEcho();
  EXPECT_EQ(server->address(), absl::StrCat("127.0.0.1:", server->port()));
  const auto reply = HttpRequest(server->port(), "/here?and=there");
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->code, 200);
  EXPECT_EQ(reply->body, "you asked for /here");
  EXPECT_THAT(reply->head, HasSubstr("Content-Type: text/plain"));
  EXPECT_EQ(HttpRequest(server->port(), "/none")->code, 404);
}

TEST(HttpServerTest, AHeadHasNoBody) {
  const auto server = StartEcho();
  const auto reply = HttpRequest(server->port(), "/here", "HEAD");
  EXPECT_EQ(reply->code, 200);
  EXPECT_EQ(reply->body, "");
}

TEST(HttpServerTest, OtherMethodsAreRefused) {
  const auto server = StartEcho();
  for (const char* method : {"POST", "PUT", "DELETE", "NONSENSE"}) {
    const auto reply = HttpRequest(server->port(), "/here", method);
    EXPECT_EQ(reply->code, 405) << method;
    EXPECT_THAT(reply->head, HasSubstr("Allow: GET, HEAD"));
  }
}

TEST(HttpServerTest, WhatIsNoHttpIsRefused) {
  const auto server = StartEcho();
  const LocalConnection connection(server->port());
  ASSERT_TRUE(connection.Send("\x16\x03\x01 nonsense\r\n\r\n"));
  EXPECT_THAT(connection.ReadToEnd(), Not(HasSubstr("200")));
}

TEST(HttpServerTest, AHeadWithoutEndIsRefused) {
  const auto server = StartEcho();
  const LocalConnection connection(server->port());
  ASSERT_TRUE(connection.Send("GET / HTTP/1.1\r\n"));
  const std::string field = absl::StrCat("X: ", std::string(500, 'x'), "\r\n");
  for (int i = 0; i < 200 && connection.Send(field); ++i) {
  }
  // Its answer may be lost with the reset of the connection.
  EXPECT_THAT(connection.ReadToEnd(), Not(HasSubstr("200 OK")));
  EXPECT_EQ(HttpRequest(server->port(), "/here")->code, 200);
}

TEST(HttpServerTest, ClientsThatSayNothingHoldUpNobody) {
  const auto server = StartEcho();
  std::vector<std::unique_ptr<LocalConnection>> silent;
  for (int i = 0; i < 20; ++i) {
    silent.push_back(std::make_unique<LocalConnection>(server->port()));
    silent.back()->Send("GET /slow HT");
  }
  EXPECT_EQ(HttpRequest(server->port(), "/here")->code, 200);
}

TEST(HttpServerTest, OneAddressGetsSoManyConnections) {
  const auto server = StartEcho();
  std::vector<std::unique_ptr<LocalConnection>> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(std::make_unique<LocalConnection>(server->port()));
  }
  EXPECT_FALSE(HttpRequest(server->port(), "/here").ok());
  silent.clear();
  // Once the server has seen that they are gone.
  absl::StatusOr<HttpReply> reply = absl::UnavailableError("not yet");
  for (int i = 0; i < 1000 && !reply.ok(); ++i) {
    reply = HttpRequest(server->port(), "/here");
    if (!reply.ok()) absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_TRUE(reply.ok()) << reply.status();
}

TEST(HttpServerTest, SaysWhyItCannotListen) {
  const auto server = StartEcho();
  const auto second = HttpServer::Start(server->address(), {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(second.status().message(), HasSubstr("Address already in use"));
}

TEST(HttpServerTest, ChecksAddresses) {
  for (const char* good : {"127.0.0.1:9100", "0.0.0.0:0", "[::1]:65535",
                           "localhost:80", "[::]:9100"}) {
    EXPECT_THAT(HttpAddressError(good), IsEmpty()) << good;
  }
  for (const char* bad : {"", "9100", ":9100", "localhost", "localhost:",
                          "localhost:65536", "localhost:-1", "localhost:http",
                          "::1:9100", "[]:9100", "[::1]", "unix:/tmp/x"}) {
    EXPECT_THAT(HttpAddressError(bad), HasSubstr("expected HOST:PORT")) << bad;
  }
  EXPECT_EQ(HttpServer::Start("9100", {}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace merganser
