#include "client/results/curve_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace merganser {
namespace {

// The picture, in pixels.
constexpr double kWidth = 800;
constexpr double kHeight = 460;
constexpr double kLeft = 64;
constexpr double kRight = 24;
constexpr double kTop = 56;
constexpr double kBottom = 56;
constexpr int kTicks = 6;

constexpr char kSearchColour[] = "#0b6e99";
constexpr char kHoldoutColour[] = "#c2571a";
constexpr char kInk[] = "#333333";
constexpr char kGrid[] = "#dddddd";

struct Position {
  double x = 0;
  double y = 0;
};

// Round numbers from 0 to at least `highest`, about kTicks of them.
std::vector<double> Ticks(double highest) {
  const double rough = highest / kTicks;
  const double magnitude = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * magnitude;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * magnitude >= rough) {
      step = factor * magnitude;
      break;
    }
  }
  std::vector<double> ticks;
  for (int i = 0; (i - 1) * step < highest; ++i) ticks.push_back(i * step);
  return ticks;
}

// Data to pixels: x from 0 to `last_x`, y from 0 to 1.
class Plane {
 public:
  explicit Plane(double last_x) : last_x_(last_x) {}

  Position Place(double x, double y) const {
    return {kLeft + (kWidth - kLeft - kRight) * x / last_x_,
            kHeight - kBottom - (kHeight - kTop - kBottom) * y};
  }

 private:
  double last_x_;
};

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

std::string Line(const Position& from, const Position& to, const char* colour) {
  return absl::StrFormat(
      "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n",
      from.x, from.y, to.x, to.y, colour);
}

// anchor: "start", "middle" or "end".
std::string Text(const Position& at, const char* anchor,
                 const std::string& text) {
  return absl::StrFormat(
      "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", at.x, at.y,
      anchor, Escaped(text));
}

std::string Axes(const Plane& plane, const std::vector<double>& x_ticks) {
  std::string svg;
  for (int percent = 0; percent <= 100; percent += 20) {
    const double y = percent / 100.0;
    const Position left = plane.Place(0, y);
    absl::StrAppend(
        &svg, Line(left, plane.Place(x_ticks.back(), y), kGrid),
        Text({left.x - 8, left.y + 4}, "end", absl::StrCat(percent, " %")));
  }
  for (const double tick : x_ticks) {
    const Position bottom = plane.Place(tick, 0);
    absl::StrAppend(
        &svg, Line(bottom, {bottom.x, bottom.y + 5}, kInk),
        Text({bottom.x, bottom.y + 20}, "middle", absl::StrFormat("%g", tick)));
  }
  const Position origin = plane.Place(0, 0);
  absl::StrAppend(&svg, Line(origin, plane.Place(x_ticks.back(), 0), kInk),
                  Line(origin, plane.Place(0, 1), kInk),
                  Text({(kLeft + kWidth - kRight) / 2, kHeight - 14}, "middle",
                       "evaluations"));
  return svg;
}

// What a line shows of a point; absent where it is not known.
using Reading = std::optional<double> (*)(const Summary::Point& point);

// A step at each point: the best member stays until a better one comes.
std::string Steps(const Plane& plane, const Summary& summary, double last,
                  Reading reading, const char* colour) {
  std::string path;
  for (const Summary::Point& point : summary.curve) {
    const std::optional<double> y = reading(point);
    if (!y.has_value()) continue;
    const Position at = plane.Place(static_cast<double>(point.evaluations), *y);
    absl::StrAppend(&path, path.empty()
                               ? absl::StrFormat("M%.1f %.1f", at.x, at.y)
                               : absl::StrFormat("H%.1fV%.1f", at.x, at.y));
  }
  if (path.empty()) return "";
  absl::StrAppend(&path, absl::StrFormat("H%.1f", plane.Place(last, 0).x));
  return absl::StrFormat(
      "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", path,
      colour);
}

std::string Legend(double x, const char* colour, const std::string& label) {
  const double y = kTop - 16;
  return absl::StrFormat(
             "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
             "stroke=\"%s\" stroke-width=\"2\"/>\n",
             x, y - 4, x + 24, y - 4, colour) +
         Text({x + 30, y}, "start", label);
}

std::optional<double> SearchAccuracy(const Summary::Point& point) {
  return point.search_accuracy;
}
std::optional<double> HoldoutAccuracy(const Summary::Point& point) {
  return point.holdout_accuracy;
}

}  // namespace

std::string CurveCsv(const Summary& summary) {
  std::string csv =
      "evaluations,candidate,search_accuracy,holdout_accuracy,coverage,"
      "entropy\n";
  for (const Summary::Point& point : summary.curve) {
    absl::StrAppend(
        &csv, point.evaluations, ",", point.candidate, ",",
        absl::StrFormat("%.9g", point.search_accuracy), ",",
        point.holdout_accuracy.has_value()
            ? absl::StrFormat("%.9g", *point.holdout_accuracy)
            : "",
        ",", absl::StrFormat("%.9g,%.9g\n", point.coverage, point.entropy));
  }
  return csv;
}

std::string CurveSvg(const Summary& summary) {
  double last = static_cast<double>(std::max<int64_t>(1, summary.evaluations));
  for (const Summary::Point& point : summary.curve) {
    last = std::max(last, static_cast<double>(point.evaluations));
  }
  const std::vector<double> x_ticks = Ticks(last);
  const Plane plane(x_ticks.back());
  const std::string holdout =
      Steps(plane, summary, last, HoldoutAccuracy, kHoldoutColour);
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" "
      "width=\"%g\" height=\"%g\" viewBox=\"0 0 %g %g\" "
      "font-family=\"sans-serif\" font-size=\"12\" fill=\"%s\">\n"
      "<rect width=\"%g\" height=\"%g\" fill=\"#ffffff\"/>\n",
      kWidth, kHeight, kWidth, kHeight, kInk, kWidth, kHeight);
  absl::StrAppend(
      &svg,
      Text({kLeft, 22}, "start",
           absl::StrCat(summary.name, ": accuracy of the best member")),
      Axes(plane, x_ticks),
      Steps(plane, summary, last, SearchAccuracy, kSearchColour), holdout,
      Legend(kLeft, kSearchColour, "search"),
      holdout.empty() ? "" : Legend(kLeft + 110, kHoldoutColour, "holdout"),
      "</svg>\n");
  return svg;
}

}  // namespace merganser
