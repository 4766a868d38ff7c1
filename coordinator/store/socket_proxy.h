// A wire between a client and Redis that a test can cut in chosen places.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace merganser {

// Listens on a unix socket and forwards each connection to another one.
// Threads: safe.
class SocketProxy {
 public:
  enum class Fault {
    kNone,
    kSwallowReplies,  // the server acts, the client never hears of it
    kHoldRequests,    // requests are kept back until ReleaseHeld
  };

  // `target_path`: socket of the server. Listens at target_path + ".proxy".
  explicit SocketProxy(const std::string& target_path);
  ~SocketProxy();
  SocketProxy(const SocketProxy&) = delete;
  SocketProxy& operator=(const SocketProxy&) = delete;

  std::string url() const { return "unix://" + path_; }

  // Strikes the connections that are open now; later ones are whole.
  void Strike(Fault fault);
  // Sends what was held to the server, on its old connections, and waits until
  // each of them was answered or closed. Returns how many were answered.
  int ReleaseHeld();

 private:
  struct Link {
    int client = -1;  // -1: closed by the client
    int server = -1;
    Fault fault = Fault::kNone;
    std::string held;
  };

  void Serve();
  void Accept() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FromClient(Link& link) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FromServer(Link& link) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string target_path_;
  const std::string path_;
  int listener_ = -1;
  std::atomic<bool> stopping_ = false;
  absl::Mutex mutex_;
  std::vector<Link> links_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;  // last: it uses the rest
};

}  // namespace merganser
