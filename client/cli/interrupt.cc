#include "client/cli/interrupt.h"

#include <signal.h>

namespace merganser {
namespace {

// A signal handler can reach nothing but a global.
volatile sig_atomic_t interrupted = 0;

void Remember(int) { interrupted = 1; }

}  // namespace

void CatchInterrupts() {
  struct sigaction action{};
  action.sa_handler = Remember;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Interrupted() { return interrupted != 0; }

}  // namespace merganser
