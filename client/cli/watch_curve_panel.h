// The curves of the live view.
#pragma once

#include "client/cli/watch_state.h"
#include "client/terminal/braille_plot.h"
#include "client/terminal/screen.h"

namespace merganser {

// Best and mean score over the evaluations, and the best member's score of each
// task where there are several. Each line's name stands at its end.
void DrawCurvePanel(const WatchState& state, const PlotArea& area,
                    Screen& screen);

}  // namespace merganser
