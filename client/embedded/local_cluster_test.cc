#include "client/embedded/local_cluster.h"

#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "client/embedded/temporary_folder.h"
#include "common/base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::StartsWith;

class LocalClusterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    const auto redis = FindInPath("redis-server");
    ASSERT_TRUE(redis.ok()) << redis.status();
    options_ = {.redis_binary = *redis,
                .coordinator_binary = "coordinator",
                .worker_binary = "worker",
                .folder = folder_->path(),
                .redis_socket = folder_->path() + "/redis.sock",
                .coordinator_socket = folder_->path() + "/c.sock"};
    ASSERT_TRUE(MakeClusterFolders(folder_->path()).ok());
  }

  std::optional<TemporaryFolder> folder_;
  ClusterOptions options_;
};

TEST_F(LocalClusterTest, ItsRedisAnswersOnASocketAndKeepsAnAppendOnlyFile) {
  EXPECT_FALSE(RedisAnswers(options_.redis_socket));
  Supervisor supervisor(Clock::Monotonic(), RestartOptions(),
                        [](const std::string& line) { ADD_FAILURE() << line; });
  ASSERT_TRUE(supervisor.Start(RedisChild(options_)).ok());
  while (!RedisAnswers(options_.redis_socket)) {
    const absl::Status status = supervisor.Tick();
    ASSERT_TRUE(status.ok()) << status;
    sched_yield();
  }
  EXPECT_FALSE(
      std::filesystem::is_empty(folder_->path() + "/redis/appendonlydir"));
  supervisor.Stop(absl::Seconds(10), [] { return false; });
  EXPECT_FALSE(RedisAnswers(options_.redis_socket));
}

TEST_F(LocalClusterTest, ItsRedisRewritesItsFileBeforeThatIsLarge) {
  const std::vector<std::string> arguments =
      RedisChild(options_).process.arguments;
  const auto found = std::find(arguments.begin(), arguments.end(),
                               "--auto-aof-rewrite-min-size");
  ASSERT_NE(found, arguments.end());
  EXPECT_EQ(*(found + 1), "8mb");
}

TEST_F(LocalClusterTest, WorkersGetTheModelsRootIfThereIsOne) {
  EXPECT_THAT(WorkerChild(options_, 1).process.arguments,
              Not(Contains(StartsWith("--models-root"))));
  options_.models_root = "/models";
  EXPECT_THAT(WorkerChild(options_, 1).process.arguments,
              Contains("--models-root=/models"));
}

TEST_F(LocalClusterTest, EachWorkerHasALogOfItsOwn) {
  EXPECT_NE(WorkerChild(options_, 1).process.log_path,
            WorkerChild(options_, 2).process.log_path);
}

TEST_F(LocalClusterTest, WorkersStopBeforeTheCoordinatorAndItBeforeRedis) {
  EXPECT_GT(WorkerChild(options_, 1).stage, CoordinatorChild(options_).stage);
  EXPECT_GT(CoordinatorChild(options_).stage, RedisChild(options_).stage);
}

}  // namespace
}  // namespace merganser
