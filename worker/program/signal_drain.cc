#include "worker/program/signal_drain.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

#include "spdlog/spdlog.h"

namespace merganser {
namespace {

constexpr absl::Duration kSpare = absl::Seconds(2);
constexpr int kExitBySignal = 128;

// SIGUSR2 ends the waiting thread.
sigset_t Watched() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR2);
  return signals;
}

}  // namespace

void SignalDrain::BlockSignals() {
  const sigset_t signals = Watched();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

SignalDrain::SignalDrain(std::function<void()> drain, absl::Duration grace)
    : drain_(std::move(drain)),
      thread_([this, grace] { WaitForSignals(grace); }) {}

SignalDrain::~SignalDrain() {
  pthread_kill(thread_.native_handle(), SIGUSR2);
  thread_.join();
}

void SignalDrain::WaitForSignals(absl::Duration grace) {
  const sigset_t signals = Watched();
  int signal = 0;
  if (sigwait(&signals, &signal) != 0 || signal == SIGUSR2) return;
  spdlog::info("{}: leaving", signal == SIGINT ? "SIGINT" : "SIGTERM");
  drain_();
  const timespec patience = absl::ToTimespec(grace + kSpare);
  signal = sigtimedwait(&signals, nullptr, &patience);
  if (signal == SIGUSR2) return;
  if (signal < 0) {
    spdlog::warn("the grace period is over; the rest is left undone");
    _exit(0);
  }
  _exit(kExitBySignal + signal);
}

}  // namespace merganser
