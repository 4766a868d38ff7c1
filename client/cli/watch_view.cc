#include "client/cli/watch_view.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/api/campaign_state.h"
#include "client/cli/progress_rate.h"
#include "client/cli/watch_archive_panel.h"
#include "client/cli/watch_curve_panel.h"

namespace merganser {
namespace {

constexpr Style kSoft = {.colour = Colour::kGrey};
constexpr Style kBold = {.bold = true};
// Below these, panels stand below one another; there are no lists; there is
// nothing but the head.
constexpr int kTwoColumns = 70;
constexpr int kListsFrom = 14;
constexpr int kPanelsFrom = 4;

Style StyleOfState(v1::CampaignState state) {
  switch (state) {
    case v1::CAMPAIGN_STATE_RUNNING:
    case v1::CAMPAIGN_STATE_COMPLETED:
      return {.colour = Colour::kGreen, .bold = true};
    case v1::CAMPAIGN_STATE_FAILED:
    case v1::CAMPAIGN_STATE_CANCELLED:
      return {.colour = Colour::kRed, .bold = true};
    default:
      return {.colour = Colour::kYellow, .bold = true};
  }
}

// Pieces of a line with a space between them.
class LineWriter {
 public:
  LineWriter(Screen& screen, int y) : screen_(screen), y_(y) {}

  LineWriter& Add(std::string_view text, Style style = {}) {
    if (text.empty()) return *this;
    // A piece that does not fit at all is not begun.
    if (x_ > 0 && x_ + 2 >= screen_.width()) return *this;
    x_ = screen_.Write(x_ == 0 ? 0 : x_ + 2, y_, text, style);
    return *this;
  }
  // A name and its value.
  LineWriter& Add(std::string_view name, std::string_view value) {
    const int columns = ColumnsOf(name) + ColumnsOf(value) + 1;
    const int start = x_ == 0 ? 0 : x_ + 2;
    if (start > 0 && start + columns > screen_.width()) return *this;
    x_ = screen_.Write(start, y_, name, kSoft) + 1;
    x_ = screen_.Write(x_, y_, value, kBold);
    return *this;
  }

 private:
  Screen& screen_;
  const int y_;
  int x_ = 0;
};

std::string Percent(double share) {
  return absl::StrFormat("%.1f %%", 100 * share);
}

void DrawTitle(const v1::Campaign& campaign, Screen& screen) {
  const v1::SearchSpec& search = campaign.spec().search();
  LineWriter(screen, 0)
      .Add(campaign.name(), kBold)
      .Add(StateName(campaign.state()), StyleOfState(campaign.state()))
      .Add(absl::StrFormat("%s, population %d, alpha %g", search.method(),
                           search.population(), search.alpha()),
           kSoft)
      .Add(campaign.device_class(), kSoft);
}

void DrawBar(const WatchState& state, Screen& screen) {
  const v1::Campaign& campaign = state.campaign();
  const int64_t budget = campaign.spec().budget().evaluations();
  const int64_t done = campaign.progress().evaluations();
  const double share = budget > 0
                           ? std::min(1.0, static_cast<double>(done) /
                                               static_cast<double>(budget))
                           : 1;
  std::string text = absl::StrCat(WithThousands(done), "/",
                                  WithThousands(budget), "  ", Percent(share));
  const bool is_running = campaign.state() == v1::CAMPAIGN_STATE_RUNNING;
  const double rate = is_running ? state.rate() : 0;
  if (rate > 0) absl::StrAppend(&text, "  ", RateText(rate));
  if (rate > 0 && done < budget) {
    absl::StrAppend(&text, "  ",
                    DurationText(static_cast<double>(budget - done) / rate),
                    " left");
  } else if (campaign.progress().active_seconds() > 0 && !is_running) {
    absl::StrAppend(&text, "  in ",
                    DurationText(campaign.progress().active_seconds()));
  }
  constexpr int kShortestBar = 10;
  const int width =
      std::max(kShortestBar, screen.width() - ColumnsOf(text) - 2);
  const int full = static_cast<int>(std::lround(share * width));
  for (int x = 0; x < width; ++x) {
    screen.Put(x, 1, x < full ? U'█' : U'░',
               x < full ? Style{.colour = Colour::kGreen} : kSoft);
  }
  screen.Write(width + 2, 1, text);
}

void DrawScores(const WatchState& state, Screen& screen, int y) {
  const v1::Progress& progress = state.campaign().progress();
  LineWriter line(screen, y);
  if (!progress.has_best()) {
    line.Add("the seeds are being evaluated", kSoft);
    return;
  }
  line.Add("best", absl::StrFormat("%.4f", progress.best().search_accuracy()));
  if (progress.best().has_holdout_accuracy()) {
    line.Add("holdout",
             absl::StrFormat("%.4f", progress.best().holdout_accuracy()));
  }
  if (state.archive().has_value() && !state.samples().empty()) {
    for (auto sample = state.samples().rbegin();
         sample != state.samples().rend(); ++sample) {
      if (!sample->mean.has_value()) continue;
      line.Add("mean", absl::StrFormat("%.4f", *sample->mean));
      break;
    }
  }
  line.Add("coverage", absl::StrFormat("%.4f", progress.coverage()));
  line.Add("entropy", absl::StrFormat("%.4f", progress.entropy()));
  line.Add("winner",
           CandidateName(state.campaign().spec(), progress.best().candidate()));
}

void DrawWork(const v1::Campaign& campaign, Screen& screen, int y) {
  const v1::Progress& progress = campaign.progress();
  int64_t possible = 0;
  for (const v1::TaskSpec& task : campaign.spec().tasks()) {
    possible += progress.evaluations() * task.search().rows();
  }
  const double saved =
      possible > 0 ? 1 - static_cast<double>(progress.datapoint_evaluations()) /
                             static_cast<double>(possible)
                   : 0;
  LineWriter line(screen, y);
  line.Add("work saved", Percent(std::max(0.0, saved)));
  line.Add("accepted", WithThousands(progress.accepted()));
  line.Add("rejected early", WithThousands(progress.rejected_early()));
  if (progress.quarantined() > 0) {
    line.Add("quarantined", WithThousands(progress.quarantined()));
  }
  if (progress.conflicts() > 0) {
    line.Add("conflicts", WithThousands(progress.conflicts()));
  }
  if (progress.active_seconds() > 0) {
    line.Add("active", DurationText(progress.active_seconds()));
  }
}

// The best member's score of each task; returns the row behind it.
int DrawTasks(const v1::Campaign& campaign, Screen& screen, int y) {
  const auto& tasks = campaign.progress().best().tasks();
  if (tasks.size() < 2) return y;
  LineWriter line(screen, y);
  for (int t = 0; t < tasks.size(); ++t) {
    std::string text = absl::StrFormat("%.4f", tasks[t].search_accuracy());
    if (tasks[t].has_holdout_accuracy()) {
      absl::StrAppendFormat(&text, " (holdout %.4f)",
                            tasks[t].holdout_accuracy());
    }
    line.Add(tasks[t].name(), text);
  }
  return y + 1;
}

// What keeps it from going on; returns the row behind it.
int DrawWarnings(const WatchState& state, Screen& screen, int y) {
  std::vector<std::string> warnings(state.campaign().conditions().begin(),
                                    state.campaign().conditions().end());
  if (!state.campaign().message().empty()) {
    warnings.push_back(state.campaign().message());
  }
  if (!state.answers()) {
    warnings.insert(warnings.begin(), "the coordinator does not answer");
  }
  if (warnings.empty()) return y;
  screen.Write(0, y, absl::StrCat("! ", absl::StrJoin(warnings, "; ")),
               {.colour = Colour::kYellow, .bold = true});
  return y + 1;
}

void DrawHeading(const std::string& title, const PlotArea& area,
                 Screen& screen) {
  for (int x = area.x; x < area.x + area.width; ++x) {
    screen.Put(x, area.y, U'─', kSoft);
  }
  screen.Write(area.x, area.y, absl::StrCat(title, " "), kBold, area.width);
}

// The area below a heading.
PlotArea Below(const PlotArea& area) {
  return {area.x, area.y + 1, area.width, area.height - 1};
}

std::string WorkerText(const v1::Worker& worker) {
  std::string text = absl::StrCat(
      worker.executing_jobs(), " of ", worker.leased_jobs(), " jobs, ",
      WithThousands(worker.completed_jobs()), " done, ", worker.device_class());
  constexpr double kSilent = 5;
  if (worker.silent_seconds() > kSilent) {
    text = absl::StrCat("silent for ", DurationText(worker.silent_seconds()),
                        ", ", text);
  }
  if (worker.draining()) text = absl::StrCat("leaving, ", text);
  if (worker.refusals_size() > 0) {
    text = absl::StrCat("no work: ", absl::StrJoin(worker.refusals(), "; "));
  }
  return text;
}

void DrawWorkers(const WatchState& state, const PlotArea& area,
                 Screen& screen) {
  const std::vector<v1::Worker>& workers = state.workers();
  DrawHeading(absl::StrCat("workers: ", workers.size()), area, screen);
  const PlotArea rows = Below(area);
  const int count = static_cast<int>(workers.size());
  const int shown = count <= rows.height ? count : rows.height - 1;
  for (int i = 0; i < shown; ++i) {
    const v1::Worker& worker = workers[i];
    const bool is_idle = worker.refusals_size() > 0;
    const int most = std::max(8, rows.width / 3);
    const int x = screen.Write(rows.x, rows.y + i, worker.name(), kBold, most);
    screen.Write(x + 1, rows.y + i, WorkerText(worker),
                 is_idle ? Style{.colour = Colour::kYellow} : Style{},
                 rows.x + rows.width - x - 1);
  }
  if (shown < count) {
    screen.Write(rows.x, rows.y + std::max(0, shown),
                 absl::StrCat("… ", count - std::max(0, shown), " more"), kSoft,
                 rows.width);
  }
}

Style StyleOf(WatchEvent::Kind kind) {
  switch (kind) {
    case WatchEvent::Kind::kGood:
      return {.colour = Colour::kGreen};
    case WatchEvent::Kind::kWarning:
      return {.colour = Colour::kYellow};
    case WatchEvent::Kind::kInfo:
      return {};
  }
  return {};
}

// The youngest one last.
void DrawEvents(const WatchState& state, const PlotArea& area, Screen& screen) {
  DrawHeading("events", area, screen);
  const PlotArea rows = Below(area);
  const int count = static_cast<int>(state.events().size());
  const int shown = std::min(count, std::max(0, rows.height));
  for (int i = 0; i < shown; ++i) {
    const WatchEvent& event = state.events()[count - shown + i];
    const int x = screen.Write(
        rows.x, rows.y + i,
        absl::FormatTime("%H:%M:%S ", event.time, absl::LocalTimeZone()), kSoft,
        rows.width);
    screen.Write(x, rows.y + i, event.text, StyleOf(event.kind),
                 rows.x + rows.width - x);
  }
}

void DrawCurve(const WatchState& state, const PlotArea& area, Screen& screen) {
  DrawHeading("score", area, screen);
  DrawCurvePanel(state, Below(area), screen);
}

void DrawArchive(const WatchState& state, const PlotArea& area,
                 Screen& screen) {
  DrawHeading(ArchiveTitle(state), area, screen);
  DrawArchivePanel(state, Below(area), screen);
}

void DrawTwoColumns(const WatchState& state, int y, Screen& screen) {
  const int height = screen.height() - y;
  const int lists = height >= kListsFrom ? std::clamp(height / 3, 5, 12) : 0;
  const int left = screen.width() * 2 / 5;
  const int right = screen.width() - left - 2;
  const int top = height - lists;
  DrawCurve(state, {0, y, left, top}, screen);
  DrawArchive(state, {left + 2, y, right, top}, screen);
  if (lists == 0) return;
  DrawWorkers(state, {0, y + top, left, lists}, screen);
  DrawEvents(state, {left + 2, y + top, right, lists}, screen);
}

void DrawOneColumn(const WatchState& state, int y, Screen& screen) {
  const int height = screen.height() - y;
  const int width = screen.width();
  if (height < kListsFrom) {
    DrawArchive(state, {0, y, width, height}, screen);
    return;
  }
  const int list = std::clamp(height / 6, 3, 8);
  const int curve = (height - 2 * list) / 2;
  const int archive = height - 2 * list - curve;
  DrawCurve(state, {0, y, width, curve}, screen);
  DrawArchive(state, {0, y + curve, width, archive}, screen);
  DrawWorkers(state, {0, y + curve + archive, width, list}, screen);
  DrawEvents(state, {0, y + curve + archive + list, width, list}, screen);
}

}  // namespace

void DrawWatch(const WatchState& state, Screen& screen) {
  DrawTitle(state.campaign(), screen);
  DrawBar(state, screen);
  DrawScores(state, screen, 2);
  DrawWork(state.campaign(), screen, 3);
  int y = DrawTasks(state.campaign(), screen, 4);
  y = DrawWarnings(state, screen, y);
  if (screen.height() - y < kPanelsFrom) return;
  if (screen.width() >= kTwoColumns) {
    DrawTwoColumns(state, y, screen);
  } else {
    DrawOneColumn(state, y, screen);
  }
}

}  // namespace merganser
