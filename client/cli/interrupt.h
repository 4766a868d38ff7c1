// Ctrl-C and SIGTERM as something to ask about.
#pragma once

namespace merganser {

// From now on the first SIGINT or SIGTERM is only remembered; a second one ends
// the process as if this had not been called.
void CatchInterrupts();

// Whether one has come since. Threads: safe.
bool Interrupted();

}  // namespace merganser
