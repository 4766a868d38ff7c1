// The processes of an embedded run: a Redis, a coordinator and workers of its
// own, reached by Unix sockets that nobody else can open.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "client/embedded/supervisor.h"

namespace merganser {

struct ClusterOptions {
  std::string redis_binary;
  std::string coordinator_binary;
  std::string worker_binary;
  // The run's folder: Redis keeps its data in redis/, the coordinator in
  // coordinator/, and all write to logs/.
  std::string folder;
  std::string redis_socket;
  std::string coordinator_socket;
  std::string models_root;  // empty = none
  std::string device = "auto";
  int threads_per_worker = 1;
};

// Makes redis/, coordinator/ and logs/.
absl::Status MakeClusterFolders(const std::string& folder);

ChildOptions RedisChild(const ClusterOptions& options);
ChildOptions CoordinatorChild(const ClusterOptions& options);
// index from 1.
ChildOptions WorkerChild(const ClusterOptions& options, int index);

// Whether a Redis serves at this socket: it answers PING, and not that it is
// still loading. Does not wait for longer than a moment.
bool RedisAnswers(const std::string& socket);

// Whether somebody listens at this socket.
bool TakesConnections(const std::string& socket);

}  // namespace merganser
