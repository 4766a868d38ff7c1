#include "common/net/channel.h"

#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

class ChannelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/merganser_net_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { rmdir(directory_.c_str()); }

  // A server that listens and answers nothing.
  std::unique_ptr<grpc::Server> Listen(const std::string& address) {
    grpc::ServerBuilder builder;
    ConfigureServer(builder);
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterCallbackGenericService(&service_);
    return builder.BuildAndStart();
  }

  bool Connects(const std::string& address) {
    return CreateChannel(address)->WaitForConnected(
        std::chrono::system_clock::now() + std::chrono::seconds(20));
  }

  std::string directory_;
  grpc::CallbackGenericService service_;
  int port_ = 0;
};

TEST_F(ChannelTest, ConnectsThroughAUnixSocket) {
  const std::string address = absl::StrCat("unix:", directory_, "/socket");
  auto server = Listen(address);
  ASSERT_NE(server, nullptr);
  EXPECT_TRUE(Connects(address));
  server->Shutdown();
}

TEST_F(ChannelTest, ConnectsThroughAPort) {
  auto server = Listen("127.0.0.1:0");
  ASSERT_NE(server, nullptr);
  EXPECT_TRUE(Connects(absl::StrCat("127.0.0.1:", port_)));
  server->Shutdown();
}

TEST_F(ChannelTest, RefusesAPortThatIsInUse) {
  auto server = Listen("127.0.0.1:0");
  ASSERT_NE(server, nullptr);
  grpc::ServerBuilder builder;
  ConfigureServer(builder);
  int port = 0;
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", port_),
                           grpc::InsecureServerCredentials(), &port);
  grpc::CallbackGenericService other;
  builder.RegisterCallbackGenericService(&other);
  auto second = builder.BuildAndStart();
  EXPECT_TRUE(second == nullptr || port == 0);
  server->Shutdown();
}

TEST(IsAddressTest, TakesHostAndPortOrASocket) {
  for (const char* address : {"localhost:50051", "[::1]:80", "unix:/tmp/x"}) {
    EXPECT_TRUE(IsAddress(address)) << address;
  }
  for (const char* address :
       {"", "nonsense", ":1", "host:", "http://host:1", "a host:1"}) {
    EXPECT_FALSE(IsAddress(address)) << address;
  }
}

}  // namespace
}  // namespace merganser
