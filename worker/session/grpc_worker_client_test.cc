#include "worker/session/grpc_worker_client.h"

#include <stdlib.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/net/channel.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

// Answers Exchange at once, or not before the caller gives up.
class Service : public v1::WorkerService::Service {
 public:
  grpc::Status Register(grpc::ServerContext*, const v1::RegisterRequest*,
                        v1::RegisterResponse* response) override {
    response->set_session_id("s");
    return grpc::Status::OK;
  }
  grpc::Status Join(grpc::ServerContext*, const v1::JoinRequest*,
                    v1::JoinResponse*) override {
    return {grpc::StatusCode::NOT_FOUND, "no such campaign"};
  }
  grpc::Status Exchange(grpc::ServerContext* context,
                        const v1::ExchangeRequest* request,
                        v1::ExchangeResponse* response) override {
    response->set_call_number(request->call_number());
    if (request->max_wait_ms() == 0) return grpc::Status::OK;
    absl::MutexLock lock(&mutex_);
    waiting_ = true;
    while (!context->IsCancelled()) {
      changed_.WaitWithTimeout(&mutex_, absl::Milliseconds(2));
    }
    return grpc::Status::CANCELLED;
  }

  void AwaitWait() {
    absl::MutexLock lock(&mutex_, absl::Condition(&waiting_));
  }

 private:
  absl::Mutex mutex_;
  absl::CondVar changed_;
  bool waiting_ = false;
};

class GrpcWorkerClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/merganser_client_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    address_ = absl::StrCat("unix:", folder_, "/socket");
    grpc::ServerBuilder builder;
    ConfigureServer(builder);
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<GrpcWorkerClient>(address_);
  }
  void TearDown() override {
    server_->Shutdown();
    rmdir(folder_.c_str());
  }

  std::string folder_;
  std::string address_;
  Service service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<GrpcWorkerClient> client_;
};

TEST_F(GrpcWorkerClientTest, CarriesCallsAndTheirErrors) {
  EXPECT_EQ(client_->Register({})->session_id(), "s");
  const auto join = client_->Join({});
  EXPECT_EQ(join.status(), absl::NotFoundError("no such campaign"));
  v1::ExchangeRequest request;
  request.set_call_number(7);
  EXPECT_EQ(client_->Exchange(request)->call_number(), 7);
}

TEST_F(GrpcWorkerClientTest, CancelsTheExchangeUnderWay) {
  v1::ExchangeRequest request;
  request.set_max_wait_ms(30000);
  auto outcome = std::async(std::launch::async,
                            [&] { return client_->Exchange(request); });
  service_.AwaitWait();
  client_->CancelExchange();
  EXPECT_EQ(outcome.get().status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(client_->Exchange({}).ok()) << "one only";
}

TEST_F(GrpcWorkerClientTest, CancelsTheNextExchangeIfNoneIsUnderWay) {
  client_->CancelExchange();
  EXPECT_EQ(client_->Exchange({}).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_TRUE(client_->Exchange({}).ok()) << "one only";
}

TEST_F(GrpcWorkerClientTest, WithoutACoordinatorCallsFailAtOnce) {
  GrpcWorkerClient nobody(absl::StrCat("unix:", folder_, "/nobody"));
  EXPECT_EQ(nobody.Register({}).status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace merganser
