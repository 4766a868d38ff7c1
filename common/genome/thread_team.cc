#include "common/genome/thread_team.h"

namespace merganser {

ThreadTeam::ThreadTeam(int threads) {
  members_.reserve(threads - 1);
  for (int thread = 1; thread < threads; ++thread) {
    members_.emplace_back([this, thread] { Member(thread); });
  }
}

ThreadTeam::~ThreadTeam() {
  stopping_ = true;
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& member : members_) member.join();
}

void ThreadTeam::Run(int64_t items, Body body) {
  body_ = &body;
  items_ = items;
  next_item_.store(0, std::memory_order_relaxed);
  // Waking the others costs more than one item takes.
  if (items <= 1 || members_.empty()) return TakeItems(0);
  busy_.store(static_cast<int>(members_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  TakeItems(0);
  int busy = busy_.load(std::memory_order_acquire);
  while (busy != 0) {
    busy_.wait(busy, std::memory_order_acquire);
    busy = busy_.load(std::memory_order_acquire);
  }
}

void ThreadTeam::Member(int thread) {
  int seen_round = 0;
  while (true) {
    round_.wait(seen_round, std::memory_order_acquire);
    seen_round = round_.load(std::memory_order_acquire);
    if (stopping_) return;
    TakeItems(thread);
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
  }
}

void ThreadTeam::TakeItems(int thread) {
  while (true) {
    const int64_t item = next_item_.fetch_add(1, std::memory_order_relaxed);
    if (item >= items_) return;
    (*body_)(item, thread);
  }
}

}  // namespace merganser
