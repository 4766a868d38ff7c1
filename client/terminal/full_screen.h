// The terminal as a screen of our own, and as it was before when we are done.
#pragma once

#include <string>

#include "client/terminal/screen.h"

namespace merganser {

// Whether stdout is a terminal that can be redrawn: not a pipe, and TERM is
// neither empty nor "dumb".
bool CanRedraw();

// By NO_COLOR (https://no-color.org) and the locale's character set.
Palette PaletteOfEnvironment();

struct TerminalSize {
  int width = 80;
  int height = 24;

  friend bool operator==(const TerminalSize&, const TerminalSize&) = default;
};

// Of stdout; 80 by 24 where it does not say.
TerminalSize SizeOfTerminal();

// Takes the alternate screen of stdout and hides the cursor, until it is
// destroyed. SIGINT, SIGTERM and SIGHUP are remembered; a second one gives the
// screen back and ends the process. After Ctrl-Z the terminal is the shell's
// until the process goes on.
// Threads: none; one at a time.
class FullScreen {
 public:
  FullScreen();
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;
  ~FullScreen();

  // Call it often: stops the process if Ctrl-Z asked for that. Returns whether
  // an end was asked for.
  bool Poll();
  void Show(const std::string& redraw);

 private:
  void Enter();
  void Leave();
};

}  // namespace merganser
