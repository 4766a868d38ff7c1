// Threads that wait to be given the parts of one loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"

namespace merganser {

// Runs loops on a fixed number of threads, the caller's among them. The threads
// live as long as the team; Run() allocates nothing.
// Threads: one Run() at a time.
class ThreadTeam {
 public:
  // `threads` at least 1; 1 starts none and runs everything on the caller's.
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int threads() const { return static_cast<int>(members_.size()) + 1; }

  // Calls body(item, thread) for items 0 … items-1, in any order, and returns
  // after the last one. `thread` is below threads(); no two calls at the same
  // time have the same one.
  using Body = absl::FunctionRef<void(int64_t item, int thread)>;
  void Run(int64_t items, Body body);

 private:
  void Member(int thread);
  void TakeItems(int thread);

  // Of the current round; written before `round_` announces it, read after.
  const Body* body_ = nullptr;
  int64_t items_ = 0;
  bool stopping_ = false;
  std::atomic<int64_t> next_item_{0};

  std::atomic<int> round_{0};  // counts the calls of Run() that wake members
  std::atomic<int> busy_{0};   // members that are still in this round
  std::vector<std::thread> members_;
};

}  // namespace merganser
