#include "client/terminal/full_screen.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace merganser {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[2J";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?25h\x1b[?1049l";
constexpr std::array<int, 3> kEnds = {SIGINT, SIGTERM, SIGHUP};
// As a shell has it.
constexpr int kInterrupted = 130;

// A signal handler can reach nothing but globals.
volatile sig_atomic_t end_asked = 0;
volatile sig_atomic_t stop_asked = 0;

void WriteAll(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody looks any more
    bytes.remove_prefix(written);
  }
}

void RememberEnd(int) {
  if (end_asked != 0) {
    WriteAll(kLeave);
    _exit(kInterrupted);
  }
  end_asked = 1;
}

void RememberStop(int) { stop_asked = 1; }

void Handle(int signal, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

std::string Environment(const char* name) {
  const char* const value = getenv(name);
  return value == nullptr ? "" : value;
}

// As setlocale() chooses it.
std::string LocaleName() {
  for (const char* name : {"LC_ALL", "LC_CTYPE"}) {
    if (!Environment(name).empty()) return Environment(name);
  }
  return Environment("LANG");
}

}  // namespace

bool CanRedraw() {
  const std::string type = Environment("TERM");
  return isatty(STDOUT_FILENO) == 1 && !type.empty() && type != "dumb";
}

Palette PaletteOfEnvironment() {
  const std::string locale = absl::AsciiStrToLower(LocaleName());
  return {.colours = Environment("NO_COLOR").empty(),
          .unicode = absl::StrContains(locale, "utf-8") ||
                     absl::StrContains(locale, "utf8")};
}

TerminalSize SizeOfTerminal() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 ||
      size.ws_row == 0) {
    return {};
  }
  return {size.ws_col, size.ws_row};
}

FullScreen::FullScreen() {
  end_asked = 0;
  for (const int signal : kEnds) Handle(signal, RememberEnd);
  Enter();
}

FullScreen::~FullScreen() {
  Leave();
  Handle(SIGTSTP, SIG_DFL);
  for (const int signal : kEnds) Handle(signal, SIG_DFL);
}

void FullScreen::Enter() {
  stop_asked = 0;
  Handle(SIGTSTP, RememberStop);
  WriteAll(kEnter);
}

void FullScreen::Leave() { WriteAll(kLeave); }

bool FullScreen::Poll() {
  if (stop_asked != 0) {
    Leave();
    raise(SIGSTOP);
    Enter();
  }
  return end_asked != 0;
}

void FullScreen::Show(const std::string& redraw) { WriteAll(redraw); }

}  // namespace merganser
