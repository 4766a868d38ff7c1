#include "client/results/result_table.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/progress_line.h"
#include "client/results/winner_folder.h"
#include "client/results/write_results.h"

namespace merganser {
namespace {

constexpr char kPaperCampaign[] = "digits-pretrained";
constexpr double kPaperAccuracy = 0.683;
constexpr int64_t kPaperEvaluations = 10'000;

struct Row {
  std::string name;
  std::optional<double> search;
  std::optional<double> holdout;
};

std::string Percent(const std::optional<double>& share) {
  return share.has_value() ? absl::StrFormat("%.1f %%", 100 * *share) : "-";
}

// Indented below their model; of a single task, it would be a repetition.
void AddTasks(const std::vector<Summary::Task>& tasks, std::vector<Row>& rows) {
  if (tasks.size() < 2) return;
  for (const Summary::Task& task : tasks) {
    rows.push_back(
        {"  " + task.name, task.search_accuracy, task.holdout_accuracy});
  }
}

std::vector<Row> Rows(const Summary& summary) {
  std::vector<Row> rows;
  if (summary.best.has_value()) {
    rows.push_back(
        {absl::StrCat("winner (candidate ", summary.best->candidate, ")"),
         summary.best->search_accuracy, summary.best->holdout_accuracy});
    AddTasks(summary.best->tasks, rows);
  }
  for (const Summary::Seed& seed : summary.seeds) {
    rows.push_back(
        {"seed " + seed.name, seed.search_accuracy, seed.holdout_accuracy});
    AddTasks(seed.tasks, rows);
  }
  if (const auto paper = PaperHoldoutAccuracy(summary)) {
    rows.push_back({"the paper's M2N2", std::nullopt, paper});
  }
  return rows;
}

std::string AccuracyTable(const Summary& summary) {
  const std::vector<Row> rows = Rows(summary);
  size_t width = 0;
  for (const Row& row : rows) width = std::max(width, row.name.size());
  const int columns = static_cast<int>(width);
  std::string table =
      absl::StrFormat("  %-*s  %8s  %8s\n", columns, "", "search", "holdout");
  for (const Row& row : rows) {
    absl::StrAppendFormat(&table, "  %-*s  %8s  %8s\n", columns, row.name,
                          Percent(row.search), Percent(row.holdout));
  }
  return table;
}

std::string Describe(const std::string& file) {
  constexpr std::array<std::array<const char*, 2>, 8> kDescriptions = {{
      {kWinnerFile, "the winner's weights"},
      {kWinnerFolder, "the winner, for transformers"},
      {kWinnerRecipeFile, "what they are made of"},
      {kSummaryFile, "this result, for scripts"},
      {kCurveCsvFile, "accuracy over evaluations"},
      {kCurveSvgFile, "the same as a picture"},
      {kReplayFolder, "what `merganser verify` replays"},
      {kWinnerOutputsFile, "what the winner wrote"},
  }};
  for (const auto& [name, description] : kDescriptions) {
    if (file == name) return description;
  }
  return "";
}

}  // namespace

std::optional<double> PaperHoldoutAccuracy(const Summary& summary) {
  if (summary.name != kPaperCampaign || summary.method != "m2n2" ||
      summary.evaluations != kPaperEvaluations) {
    return std::nullopt;
  }
  return kPaperAccuracy;
}

std::string ResultTable(const Summary& summary, const std::string& folder,
                        const std::vector<std::string>& files) {
  std::string text = absl::StrFormat(
      "\n%s: %s, %s evaluations (%s per second), %s accepted; took %.1f s\n\n",
      summary.name, absl::AsciiStrToLower(summary.state),
      WithThousands(summary.evaluations),
      WithThousands(std::llround(summary.evaluations_per_second)),
      WithThousands(summary.accepted), summary.wall_seconds);
  absl::StrAppend(&text, AccuracyTable(summary));
  absl::StrAppendFormat(
      &text, "\n  coverage %s, entropy %.3f bits\n  archive digest %s\n",
      Percent(summary.coverage), summary.entropy, summary.archive_digest);
  if (summary.quarantined > 0) {
    absl::StrAppend(&text, "  ", WithThousands(summary.quarantined),
                    " candidates were given up after repeated failures\n");
  }
  if (summary.conflicts > 0) {
    absl::StrAppend(&text, "  ", WithThousands(summary.conflicts),
                    " chunks were reported twice with different scores\n");
  }
  if (summary.nan_chunks > 0) {
    absl::StrAppend(&text, "  in ", WithThousands(summary.nan_chunks),
                    " chunks a child's logits were NaN; there it scored 0\n");
  }
  absl::StrAppend(&text, "\n  ", folder, "\n");
  for (const std::string& file : files) {
    absl::StrAppendFormat(&text, "    %-20s  %s\n", file, Describe(file));
  }
  return text;
}

}  // namespace merganser
