// The live view of a campaign, drawn.
#pragma once

#include "client/cli/watch_state.h"
#include "client/terminal/screen.h"

namespace merganser {

// Fills the screen: progress, the best member's and the mean curve, the archive
// as members × groups of datapoints, workers, events. What does not fit is left
// out, the least important first. Times of events are local.
void DrawWatch(const WatchState& state, Screen& screen);

}  // namespace merganser
