#include "client/embedded/signal_watch.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"

namespace merganser {

absl::StatusOr<SignalWatch> SignalWatch::Create() {
  sigset_t watched;
  sigemptyset(&watched);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
    sigaddset(&watched, signal);
  }
  const int descriptor = signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, "signalfd");
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &watched, &before);
  return SignalWatch(descriptor, before);
}

SignalWatch::SignalWatch(SignalWatch&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      before_(other.before_) {}

SignalWatch::~SignalWatch() {
  if (descriptor_ < 0) return;
  Take();
  close(descriptor_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::vector<int> SignalWatch::Take() {
  std::vector<int> signals;
  signalfd_siginfo information;
  while (read(descriptor_, &information, sizeof(information)) ==
         static_cast<ssize_t>(sizeof(information))) {
    signals.push_back(static_cast<int>(information.ssi_signo));
  }
  return signals;
}

}  // namespace merganser
