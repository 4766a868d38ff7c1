#include "client/terminal/braille_plot.h"

#include <algorithm>
#include <cmath>

namespace merganser {
namespace {

constexpr int kDotColumns = 2;
constexpr int kDotRows = 4;
// The bits of the dots of a character, Unicode block "Braille Patterns".
constexpr unsigned kDots[kDotRows][kDotColumns] = {
    {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};

int Scaled(double share, int size) {
  return std::clamp(static_cast<int>(std::lround(share * (size - 1))), 0,
                    size - 1);
}

}  // namespace

BraillePlot::BraillePlot(const PlotArea& area, const PlotRange& range)
    : area_(area), range_(range) {
  area_.width = std::max(1, area_.width);
  area_.height = std::max(1, area_.height);
  cells_.resize(static_cast<size_t>(area_.width) * area_.height);
}

int BraillePlot::DotColumn(double x) const {
  return Scaled((x - range_.left) / (range_.right - range_.left),
                area_.width * kDotColumns);
}

int BraillePlot::DotRow(double y) const {
  return Scaled((range_.top - y) / (range_.top - range_.bottom),
                area_.height * kDotRows);
}

int BraillePlot::RowOf(double y) const {
  return area_.y + DotRow(y) / kDotRows;
}

void BraillePlot::SetDot(int column, int row, Style style) {
  Cell& cell = cells_[static_cast<size_t>(row / kDotRows) * area_.width +
                      column / kDotColumns];
  cell.dots |= kDots[row % kDotRows][column % kDotColumns];
  cell.style = style;
}

void BraillePlot::AddSteps(std::span<const PlotPoint> points, Style style) {
  for (size_t i = 0; i < points.size(); ++i) {
    const int row = DotRow(points[i].y);
    const int column = DotColumn(points[i].x);
    const int end = i + 1 < points.size() ? DotColumn(points[i + 1].x) : column;
    for (int x = column; x <= end; ++x) SetDot(x, row, style);
    if (i + 1 == points.size()) break;
    const int next = DotRow(points[i + 1].y);
    for (int y = std::min(row, next); y <= std::max(row, next); ++y) {
      SetDot(end, y, style);
    }
  }
}

void BraillePlot::DrawOn(Screen& screen) const {
  constexpr char32_t kBlank = 0x2800;
  for (int y = 0; y < area_.height; ++y) {
    for (int x = 0; x < area_.width; ++x) {
      const Cell& cell = cells_[static_cast<size_t>(y) * area_.width + x];
      if (cell.dots == 0) continue;
      screen.Put(area_.x + x, area_.y + y, kBlank + cell.dots, cell.style);
    }
  }
}

}  // namespace merganser
