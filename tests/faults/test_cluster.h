// A cluster of real processes for tests: Redis, coordinator, hash workers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/api/campaign_client.h"
#include "client/embedded/process.h"
#include "merganser/v1/campaign.pb.h"
#include "tests/redis_server.h"

namespace merganser {

// Everything listens on unix sockets in one private directory. Failures are
// reported as failures of the running test.
// Threads: the main thread's.
class TestCluster {
 public:
  explicit TestCluster(std::vector<std::string> coordinator_arguments = {});
  ~TestCluster();

  // SIGKILL, if it runs, and start; returns once it serves.
  void RestartCoordinator();
  void StartWorker(const std::string& name,
                   std::vector<std::string> arguments = {},
                   const std::string& binary = "merganser-hash-worker");
  Process& worker(const std::string& name) { return *workers_.at(name); }
  Process& coordinator() { return *coordinator_; }
  RedisServer& redis() { return *redis_; }
  CampaignClient& client() { return *client_; }
  std::string address() const { return "unix:" + directory_ + "/c.sock"; }
  const std::string& directory() const { return directory_; }

  // Polls until `reached` is true for the campaign; fails after a minute.
  v1::Campaign WaitUntil(
      const std::string& name,
      const std::function<bool(const v1::Campaign&)>& reached);
  v1::Campaign WaitForEvaluations(const std::string& name, int64_t evaluations);
  v1::Campaign WaitForTheEnd(const std::string& name);

 private:
  const std::vector<std::string> coordinator_arguments_;
  std::string directory_;
  std::unique_ptr<RedisServer> redis_;
  std::unique_ptr<Process> coordinator_;
  std::map<std::string, std::unique_ptr<Process>> workers_;
  std::unique_ptr<CampaignClient> client_;
};

}  // namespace merganser
