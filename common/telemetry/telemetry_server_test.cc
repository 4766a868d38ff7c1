#include "common/telemetry/telemetry_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/http_client.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;

class TelemetryServerTest : public ::testing::Test {
 protected:
  HttpReply Get(const std::string& path) {
    const auto reply = HttpRequest(server_->port(), path);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.ok() ? *reply : HttpReply{};
  }

  MetricRegistry registry_;
  absl::StatusOr<std::string> readiness_ = "active";
  std::unique_ptr<TelemetryServer> server_ =
      TelemetryServer::Start("127.0.0.1:0", "merganser-test", "1.2.3",
                             registry_, [this] { return readiness_; })
          .value();
};

TEST_F(TelemetryServerTest, ServesTheMetrics) {
  registry_.AddCounter({"a_total", "A."}).Add(5);
  Get("/healthz");
  Get("/nonsense");
  const HttpReply reply = Get("/metrics");
  EXPECT_EQ(reply.code, 200);
  EXPECT_THAT(reply.head, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  const auto values = ParseMetrics(reply.body);
  EXPECT_EQ(values.at("a_total"), 5);
  EXPECT_EQ(values.at("merganser_build_info{program=\"merganser-test\","
                      "version=\"1.2.3\"}"),
            1);
  EXPECT_EQ(
      values.at(
          "merganser_http_requests_total{code=\"200\",path=\"/healthz\"}"),
      1);
  EXPECT_EQ(
      values.at("merganser_http_requests_total{code=\"404\",path=\"other\"}"),
      1);
  EXPECT_GT(values.at("process_resident_memory_bytes"), 0);
}

TEST_F(TelemetryServerTest, SaysWhetherItIsReady) {
  EXPECT_EQ(Get("/readyz").code, 200);
  EXPECT_EQ(Get("/readyz").body, "active\n");
  readiness_ = absl::UnavailableError("this coordinator is a standby");
  EXPECT_EQ(Get("/readyz").code, 503);
  EXPECT_EQ(Get("/readyz").body, "this coordinator is a standby\n");
  EXPECT_EQ(Get("/healthz").code, 200);
}

}  // namespace
}  // namespace merganser
