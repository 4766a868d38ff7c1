#include "common/net/health_check.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/net/channel.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;

class HealthCheckTest : public ::testing::Test {
 protected:
  void Listen() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    ConfigureServer(builder);
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    address_ = absl::StrCat("127.0.0.1:", port);
  }
  void SetServing(bool serving) {
    server_->GetHealthCheckService()->SetServingStatus(serving);
  }

  grpc::CallbackGenericService service_;  // a server needs one of its own
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

TEST_F(HealthCheckTest, AServerThatServesIsHealthy) {
  ASSERT_NO_FATAL_FAILURE(Listen());
  SetServing(true);
  const absl::Status status = CheckHealth(address_, absl::Seconds(20));
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(HealthCheckTest, AServerThatWaitsIsNot) {
  ASSERT_NO_FATAL_FAILURE(Listen());
  SetServing(false);
  const absl::Status status = CheckHealth(address_, absl::Seconds(20));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("not serving"));
}

TEST_F(HealthCheckTest, AnAddressWhereNobodyListensIsNamed) {
  ASSERT_NO_FATAL_FAILURE(Listen());
  server_->Shutdown();
  server_.reset();
  const absl::Status status = CheckHealth(address_, absl::Milliseconds(300));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(address_));
}

}  // namespace
}  // namespace merganser
