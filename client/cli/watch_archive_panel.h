// The archive of the live view: members × groups of datapoints.
#pragma once

#include <string>

#include "client/cli/watch_state.h"
#include "client/terminal/braille_plot.h"
#include "client/terminal/screen.h"

namespace merganser {

std::string ArchiveTitle(const WatchState& state);

// A row per member, the largest share first: number, score, share, and how much
// of each group it solves, as a shade. In each task the groups that few solve
// are on the left.
void DrawArchivePanel(const WatchState& state, const PlotArea& area,
                      Screen& screen);

}  // namespace merganser
