#include "tests/faults/test_cluster.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace merganser {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(5);
constexpr absl::Duration kPatience = absl::Minutes(1);

std::unique_ptr<Process> StartOrFail(const Process::Options& options) {
  absl::StatusOr<Process> process = Process::Start(options);
  EXPECT_TRUE(process.ok()) << process.status();
  return std::make_unique<Process>(*std::move(process));
}

}  // namespace

TestCluster::TestCluster(std::vector<std::string> coordinator_arguments)
    : coordinator_arguments_(std::move(coordinator_arguments)) {
  char directory[] = "/tmp/merganser_test_XXXXXX";
  directory_ = mkdtemp(directory);
  auto redis = RedisServer::Start();
  EXPECT_TRUE(redis.ok()) << redis.status();
  redis_ = *std::move(redis);
  client_ = *CampaignClient::Create(address());
  RestartCoordinator();
}

TestCluster::~TestCluster() {
  workers_.clear();
  coordinator_.reset();
  std::filesystem::remove_all(directory_);
}

void TestCluster::RestartCoordinator() {
  if (coordinator_ != nullptr) {
    coordinator_->Signal(SIGKILL);
    coordinator_->Wait();
  }
  std::vector<std::string> arguments = {
      absl::StrCat("--listen=", address()),
      absl::StrCat("--redis=", redis_->url()),
      absl::StrCat("--data=", directory_, "/data"), "--owner-timeout=0",
      "--worker-timeout=1"};
  arguments.insert(arguments.end(), coordinator_arguments_.begin(),
                   coordinator_arguments_.end());
  coordinator_ = StartOrFail(
      {.binary = absl::StrCat(MERGANSER_BINARY_DIR, "/merganser-coordinator"),
       .arguments = std::move(arguments),
       .log_path = directory_ + "/coordinator.log"});
  const absl::Time give_up = absl::Now() + kPatience;
  while (!client_->ListCampaigns().ok()) {
    if (absl::Now() > give_up) {
      ADD_FAILURE() << "the coordinator does not serve";
      return;
    }
    absl::SleepFor(kPoll);
  }
}

void TestCluster::StartWorker(const std::string& name,
                              std::vector<std::string> arguments,
                              const std::string& binary) {
  arguments.push_back(absl::StrCat("--coordinator=", address()));
  arguments.push_back(absl::StrCat("--name=", name));
  workers_[name] =
      StartOrFail({.binary = absl::StrCat(MERGANSER_BINARY_DIR, "/", binary),
                   .arguments = std::move(arguments),
                   .log_path = absl::StrCat(directory_, "/", name, ".log")});
}

v1::Campaign TestCluster::WaitUntil(
    const std::string& name,
    const std::function<bool(const v1::Campaign&)>& reached) {
  const absl::Time give_up = absl::Now() + kPatience;
  v1::Campaign last;
  while (absl::Now() < give_up) {
    const auto campaign = client_->GetCampaign(name);
    if (campaign.ok()) last = *campaign;
    if (campaign.ok() && reached(*campaign)) return *campaign;
    absl::SleepFor(kPoll);
  }
  ADD_FAILURE() << "not reached in time; the campaign is at "
                << last.ShortDebugString().substr(0, 2000);
  return last;
}

v1::Campaign TestCluster::WaitForEvaluations(const std::string& name,
                                             int64_t evaluations) {
  return WaitUntil(name, [evaluations](const v1::Campaign& campaign) {
    return campaign.progress().evaluations() >= evaluations;
  });
}

v1::Campaign TestCluster::WaitForTheEnd(const std::string& name) {
  return WaitUntil(name, [](const v1::Campaign& campaign) {
    return campaign.state() == v1::CAMPAIGN_STATE_COMPLETED ||
           campaign.state() == v1::CAMPAIGN_STATE_FAILED;
  });
}

}  // namespace merganser
