// What clients that know nothing of Merganser, such as a cluster's probes, ask
// of a coordinator: grpc.health.v1.Health, spoken here byte by byte.
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/embedded/process.h"
#include "common/net/channel.h"
#include "common/storage/file.h"
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

// A coordinator's binary with these arguments.
Process Coordinator(std::vector<std::string> arguments,
                    const std::string& log_path = "") {
  auto process = Process::Start(
      {.binary = absl::StrCat(MERGANSER_BINARY_DIR, "/merganser-coordinator"),
       .arguments = std::move(arguments),
       .log_path = log_path});
  EXPECT_TRUE(process.ok()) << process.status();
  return *std::move(process);
}

// The exit code of --health-check.
int HealthCheck(const std::string& address) {
  return Coordinator({"--health-check", absl::StrCat("--listen=", address)})
      .Wait()
      .code;
}

bool WaitFor(const std::function<bool()>& reached) {
  const absl::Time give_up = absl::Now() + absl::Minutes(1);
  while (!reached()) {
    if (absl::Now() > give_up) return false;
    absl::SleepFor(absl::Milliseconds(20));
  }
  return true;
}

TEST(HealthTest, TheCoordinatorsOwnCheckTellsByItsExitCodeWhetherItServes) {
  TestCluster cluster;
  EXPECT_EQ(HealthCheck(cluster.address()), 0);
  cluster.coordinator().Signal(SIGKILL);
  cluster.coordinator().Wait();
  EXPECT_EQ(HealthCheck(cluster.address()), 1);
}

TEST(HealthTest, ASilentStandbyListensOnceItIsTheActiveOne) {
  TestCluster cluster;
  const std::string socket = cluster.directory() + "/standby.sock";
  const std::string log = cluster.directory() + "/standby.log";
  Process standby = Coordinator(
      {"--silent-standby", "--owner-timeout=3",
       absl::StrCat("--listen=unix:", socket),
       absl::StrCat("--redis=", cluster.redis().url()),
       absl::StrCat("--data=", cluster.directory(), "/standby-data")},
      log);
  ASSERT_TRUE(WaitFor([&log] {
    const auto text = ReadFile(log);
    return text.ok() && absl::StrContains(*text, "standby: the active");
  }));
  EXPECT_FALSE(std::filesystem::exists(socket));
  cluster.coordinator().Signal(SIGKILL);
  cluster.coordinator().Wait();
  EXPECT_TRUE(
      WaitFor([&socket] { return HealthCheck("unix:" + socket) == 0; }));
  standby.Signal(SIGTERM);
  EXPECT_EQ(standby.Wait().code, 0);
}

}  // namespace
}  // namespace merganser
