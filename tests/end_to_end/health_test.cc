// What clients that know nothing of Merganser, such as a cluster's probes, ask
// of a coordinator: grpc.health.v1.Health, spoken here byte by byte.
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <string>

#include "common/net/channel.h"
#include "tests/faults/test_cluster.h"

namespace merganser {
namespace {

// HealthCheckResponse with the status SERVING, which is field 1 with value 1.
constexpr char kServing[] = "\x08\x01";

// A HealthCheckRequest: the service's name is field 1.
std::string RequestFor(const std::string& service) {
  if (service.empty()) return "";
  return "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
}

// The response's bytes, or the error's text.
std::string Check(const std::string& address, const std::string& service) {
  grpc::GenericStub stub(CreateChannel(address));
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const grpc::Slice bytes(RequestFor(service));
  const grpc::ByteBuffer request(&bytes, 1);
  const auto call = stub.PrepareUnaryCall(
      &context, "/grpc.health.v1.Health/Check", request, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, &status);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) return status.error_message();
  grpc::Slice answer;
  if (!response.DumpToSingleSlice(&answer).ok()) return "no answer";
  return std::string(answer.begin(), answer.end());
}

TEST(HealthTest, TheCoordinatorAndEachOfItsServicesAreServing) {
  TestCluster cluster;
  for (const char* service :
       {"", "merganser.v1.CampaignService", "merganser.v1.WorkerService"}) {
    EXPECT_EQ(Check(cluster.address(), service), kServing) << service;
  }
  EXPECT_NE(Check(cluster.address(), "merganser.v1.Nothing"), kServing);
}

}  // namespace
}  // namespace merganser
