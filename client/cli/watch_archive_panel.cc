#include "client/cli/watch_archive_panel.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/archive/exported_archive.h"
#include "client/archive/niche_map.h"
#include "client/cli/progress_rate.h"

namespace merganser {
namespace {

constexpr Style kSoft = {.colour = Colour::kGrey};
constexpr Style kShade = {.colour = Colour::kCyan};
// "candidate" or a seed's name, score, share.
constexpr int kNameColumns = 12;
constexpr int kScoreColumns = 7;
constexpr int kShareColumns = 8;
constexpr int kHeadColumns = kNameColumns + kScoreColumns + kShareColumns;
constexpr int kWidestCell = 3;

char32_t ShadeOf(double value) {
  if (value < 0.05) return U' ';
  if (value < 0.35) return U'░';
  if (value < 0.65) return U'▒';
  if (value < 0.95) return U'▓';
  return U'█';
}

// Where each group stands, and how wide.
struct Columns {
  int cell = 1;
  std::vector<int> x;        // [groups]
  std::vector<int> borders;  // between tasks
};

Columns PlaceGroups(const NicheMap& map, int left, int width) {
  Columns columns;
  const int groups = static_cast<int>(map.groups.size());
  const int tasks = map.groups.empty() ? 0 : map.groups.back().task + 1;
  columns.cell =
      std::clamp((width - tasks + 1) / std::max(1, groups), 1, kWidestCell);
  int x = left;
  for (int g = 0; g < groups; ++g) {
    if (g > 0 && map.groups[g].task != map.groups[g - 1].task) {
      columns.borders.push_back(x++);
    }
    columns.x.push_back(x);
    x += columns.cell;
  }
  return columns;
}

void DrawHead(const v1::CampaignSpec& spec, const NicheMap& map,
              const Columns& columns, const PlotArea& area, Screen& screen) {
  screen.Write(area.x, area.y, "member", kSoft, kNameColumns - 1);
  screen.Write(area.x + kNameColumns, area.y, "score", kSoft);
  screen.Write(area.x + kNameColumns + kScoreColumns, area.y, "share", kSoft);
  for (size_t g = 0; g < columns.x.size(); ++g) {
    if (g > 0 && map.groups[g].task == map.groups[g - 1].task) continue;
    size_t last = g;
    while (last + 1 < columns.x.size() &&
           map.groups[last + 1].task == map.groups[g].task) {
      ++last;
    }
    const int width = columns.x[last] + columns.cell - columns.x[g];
    screen.Write(
        columns.x[g], area.y,
        absl::StrCat(spec.tasks(map.groups[g].task).name(), ": rare → common"),
        kSoft, width);
  }
}

void DrawMember(const v1::CampaignSpec& spec, const NicheMember& member,
                bool is_best, const Columns& columns, int x, int y,
                Screen& screen) {
  const Style style = {.bold = is_best};
  const std::string name = member.candidate < 0
                               ? CandidateName(spec, member.candidate)
                               : absl::StrCat("#", member.candidate);
  screen.Write(x, y, name, style, kNameColumns - 1);
  screen.Write(x + kNameColumns, y, absl::StrFormat("%.4f", member.score),
               style);
  screen.Write(x + kNameColumns + kScoreColumns, y,
               absl::StrFormat("%5.1f %%", 100 * member.share), style);
  for (size_t g = 0; g < columns.x.size(); ++g) {
    for (int i = 0; i < columns.cell; ++i) {
      screen.Put(columns.x[g] + i, y, ShadeOf(member.groups[g]), kShade);
    }
  }
  for (const int border : columns.borders) screen.Put(border, y, U'│', kSoft);
}

}  // namespace

std::string ArchiveTitle(const WatchState& state) {
  if (!state.archive().has_value()) return "archive";
  int members = 0;
  for (int i = 0; i < state.archive()->population(); ++i) {
    if (state.archive()->slot(i).has_value()) ++members;
  }
  return absl::StrCat("archive: ", members, " members × ",
                      WithThousands(state.archive()->datapoints()),
                      " datapoints");
}

void DrawArchivePanel(const WatchState& state, const PlotArea& area,
                      Screen& screen) {
  if (area.height < 2) return;
  if (!state.archive().has_value()) {
    screen.Write(area.x, area.y,
                 state.archive_problem().empty() ? "nothing yet"
                                                 : state.archive_problem(),
                 kSoft, area.width);
    return;
  }
  const v1::CampaignSpec& spec = state.campaign().spec();
  const int width = area.width - kHeadColumns;
  const int borders = spec.tasks_size() - 1;
  const NicheMap map =
      MapNiches(*state.archive(), TaskEnds(spec), std::max(1, width - borders));
  const Columns columns = PlaceGroups(map, area.x + kHeadColumns, width);
  DrawHead(spec, map, columns, area, screen);
  const int count = static_cast<int>(map.members.size());
  const int rows = area.height - 1;
  const int shown = count <= rows ? count : rows - 1;
  const int64_t best = state.campaign().progress().best().candidate();
  for (int i = 0; i < shown; ++i) {
    DrawMember(spec, map.members[i], map.members[i].candidate == best, columns,
               area.x, area.y + 1 + i, screen);
  }
  if (shown < count) {
    screen.Write(area.x, area.y + 1 + shown,
                 absl::StrCat("… ", count - shown, " more"), kSoft);
  }
}

}  // namespace merganser
