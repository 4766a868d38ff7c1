// Lines in characters: each has two by four dots.
#pragma once

#include <span>

#include "client/terminal/screen.h"

namespace merganser {

struct PlotPoint {
  double x = 0;
  double y = 0;
};

// From the left edge to the right one, from the bottom to the top.
struct PlotRange {
  double left = 0;
  double right = 1;  // above left
  double bottom = 0;
  double top = 1;  // above bottom
};

// Where a plot lies on a screen, in characters.
struct PlotArea {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

// Threads: none.
class BraillePlot {
 public:
  BraillePlot(const PlotArea& area, const PlotRange& range);

  // A line that keeps each point's value up to the next one. The points ascend
  // in x; what lies outside the range is drawn at its edge. Where lines cross,
  // a character has the style of the last one.
  void AddSteps(std::span<const PlotPoint> points, Style style);
  // The row of the screen in which a value lies.
  int RowOf(double y) const;
  void DrawOn(Screen& screen) const;

 private:
  struct Cell {
    unsigned dots = 0;
    Style style;
  };

  int DotColumn(double x) const;
  int DotRow(double y) const;
  void SetDot(int column, int row, Style style);

  PlotArea area_;
  PlotRange range_;
  std::vector<Cell> cells_;
};

}  // namespace merganser
