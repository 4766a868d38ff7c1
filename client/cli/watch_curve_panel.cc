#include "client/cli/watch_curve_panel.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/progress_rate.h"

namespace merganser {
namespace {

constexpr Style kSoft = {.colour = Colour::kGrey};
// More lines than these cannot be told apart.
constexpr size_t kMostTasks = 4;
constexpr Colour kTaskColours[kMostTasks] = {Colour::kMagenta, Colour::kBlue,
                                             Colour::kRed, Colour::kGreen};
constexpr int kLabelColumns = 6;  // "0.975 "
constexpr int kLeastWidth = 24;
constexpr int kLeastHeight = 3;

struct Line {
  std::string name;
  Style style;
  std::vector<PlotPoint> points;
};

std::vector<Line> LinesOf(const WatchState& state) {
  Line best{"best", {.colour = Colour::kCyan, .bold = true}, {}};
  Line mean{"mean", {.colour = Colour::kYellow}, {}};
  std::vector<Line> tasks;
  const auto& spec = state.campaign().spec().tasks();
  if (spec.size() > 1) {
    for (int t = 0; t < spec.size() && t < static_cast<int>(kMostTasks); ++t) {
      tasks.push_back({spec[t].name(), {.colour = kTaskColours[t]}, {}});
    }
  }
  for (const WatchSample& sample : state.samples()) {
    const auto x = static_cast<double>(sample.evaluations);
    if (sample.best.has_value()) best.points.push_back({x, *sample.best});
    if (sample.mean.has_value()) mean.points.push_back({x, *sample.mean});
    for (size_t t = 0; t < tasks.size() && t < sample.tasks.size(); ++t) {
      tasks[t].points.push_back({x, sample.tasks[t]});
    }
  }
  std::vector<Line> lines = std::move(tasks);
  lines.push_back(std::move(mean));
  lines.push_back(std::move(best));  // above all others
  std::erase_if(lines, [](const Line& line) { return line.points.empty(); });
  return lines;
}

// All values with some room; at least 0.02 high.
PlotRange RangeOf(const std::vector<Line>& lines) {
  double low = 1;
  double high = 0;
  double right = 1;
  for (const Line& line : lines) {
    for (const PlotPoint& point : line.points) {
      low = std::min(low, point.y);
      high = std::max(high, point.y);
      right = std::max(right, point.x);
    }
  }
  const double room = std::max(0.01, 0.05 * (high - low));
  return {.right = right,
          .bottom = std::max(0.0, low - room),
          .top = std::min(1.0, high + room)};
}

// Names at the ends of the lines, each in a row of its own.
void DrawNames(const std::vector<Line>& lines, const BraillePlot& plot, int x,
               const PlotArea& area, Screen& screen) {
  std::vector<std::pair<int, const Line*>> names;
  for (const Line& line : lines) {
    names.emplace_back(plot.RowOf(line.points.back().y), &line);
  }
  // In one row: in the order of the lines.
  std::sort(names.begin(), names.end());
  // From below: none may leave the plot; then from above: none may be twice.
  int free = area.y + area.height;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    name->first = std::min(name->first, free - 1);
    free = name->first;
  }
  free = area.y;
  for (auto& [row, line] : names) {
    row = std::max(row, free);
    free = row + 1;
    if (row >= area.y + area.height) return;
    screen.Write(x, row, line->name, line->style, area.x + area.width - x);
  }
}

}  // namespace

void DrawCurvePanel(const WatchState& state, const PlotArea& area,
                    Screen& screen) {
  if (area.width < kLeastWidth || area.height < kLeastHeight) return;
  const std::vector<Line> lines = LinesOf(state);
  if (lines.empty()) {
    screen.Write(area.x, area.y, "nothing yet", kSoft, area.width);
    return;
  }
  int names = 0;
  for (const Line& line : lines) names = std::max(names, ColumnsOf(line.name));
  names = std::min(names, area.width / 4);
  const PlotRange range = RangeOf(lines);
  const PlotArea inner = {area.x + kLabelColumns, area.y,
                          area.width - kLabelColumns - names - 1,
                          area.height - 1};
  BraillePlot plot(inner, range);
  for (const Line& line : lines) {
    std::vector<PlotPoint> points = line.points;
    points.push_back({range.right, points.back().y});
    plot.AddSteps(points, line.style);
  }
  plot.DrawOn(screen);
  screen.Write(area.x, inner.y, absl::StrFormat("%.3f", range.top), kSoft);
  screen.Write(area.x, inner.y + inner.height - 1,
               absl::StrFormat("%.3f", range.bottom), kSoft);
  DrawNames(lines, plot, inner.x + inner.width + 1,
            {area.x, inner.y, area.width, inner.height}, screen);
  const std::string end =
      absl::StrCat(WithThousands(std::llround(range.right)), " evaluations");
  screen.Write(inner.x, inner.y + inner.height, "0", kSoft);
  screen.Write(std::max(inner.x + 2, inner.x + inner.width - ColumnsOf(end)),
               inner.y + inner.height, end, kSoft,
               std::max(0, inner.width - 2));
}

}  // namespace merganser
