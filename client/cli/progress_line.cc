#include "client/cli/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/terminal/full_screen.h"

namespace merganser {
namespace {

constexpr int kDefaultWidth = 100;

std::string BestText(const v1::BestCandidate& best) {
  std::string text = absl::StrFormat("best %.4f", best.search_accuracy());
  if (best.has_holdout_accuracy()) {
    absl::StrAppendFormat(&text, ", holdout %.4f", best.holdout_accuracy());
  }
  if (best.tasks_size() > 1) {
    const auto append_task = [](std::string* out, const v1::TaskScore& task) {
      absl::StrAppendFormat(out, "%s %.3f", task.name(),
                            task.search_accuracy());
    };
    absl::StrAppend(&text, " (", absl::StrJoin(best.tasks(), ", ", append_task),
                    ")");
  }
  return text;
}

// What stays of a condition while it lasts: it may count the seconds.
std::string WithoutNumbers(std::string text) {
  text.erase(std::remove_if(text.begin(), text.end(), absl::ascii_isdigit),
             text.end());
  return text;
}

}  // namespace

std::string ProgressLine::Text(const v1::Campaign& campaign, absl::Time now) {
  const v1::Progress& progress = campaign.progress();
  const int64_t budget = campaign.spec().budget().evaluations();
  const bool is_running = campaign.state() == v1::CAMPAIGN_STATE_RUNNING;
  rate_.Add(now, progress.evaluations());
  std::vector<std::string> parts = {
      absl::StrCat(campaign.name(), " ", StateName(campaign.state())),
      absl::StrCat(WithThousands(progress.evaluations()), "/",
                   WithThousands(budget))};
  const double rate = is_running ? rate_.PerSecond() : 0;
  if (rate > 0) {
    parts.push_back(RateText(rate));
  }
  if (progress.has_best()) {
    parts.push_back(BestText(progress.best()));
    parts.push_back(absl::StrFormat("coverage %.4f", progress.coverage()));
  }
  const int64_t left = budget - progress.evaluations();
  if (rate > 0 && left > 0) {
    parts.push_back(
        absl::StrCat(DurationText(static_cast<double>(left) / rate), " left"));
  }
  for (const std::string& condition : campaign.conditions()) {
    parts.push_back(condition);
  }
  if (!campaign.message().empty()) parts.push_back(campaign.message());
  return absl::StrJoin(parts, "  ");
}

ProgressPrinter::Options ProgressPrinter::StandardOutput() {
  Options options{.terminal = CanRedraw(), .width = kDefaultWidth};
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    options.width = size.ws_col;
  }
  return options;
}

std::vector<std::string> NewConditions::Take(const v1::Campaign& campaign) {
  std::set<std::string> present;
  std::vector<std::string> news;
  for (const std::string& condition : campaign.conditions()) {
    std::string lasting = WithoutNumbers(condition);
    if (!known_.contains(lasting)) news.push_back(condition);
    present.insert(std::move(lasting));
  }
  known_ = std::move(present);
  return news;
}

void ProgressPrinter::Show(const v1::Campaign& campaign, absl::Time now) {
  const std::string text = line_.Text(campaign, now);
  const std::vector<std::string> news = conditions_.Take(campaign);
  if (options_.terminal) return ShowOnTerminal(text, news);
  const bool is_due = now - last_plain_ >= options_.plain_interval;
  if (!is_due && campaign.state() == last_state_ && news.empty()) return;
  last_plain_ = now;
  last_state_ = campaign.state();
  out_ << text << std::endl;
}

void ProgressPrinter::ShowOnTerminal(
    const std::string& text, const std::vector<std::string>& new_conditions) {
  constexpr char kEmptyLine[] = "\r\x1b[K";
  for (const std::string& condition : new_conditions) {
    out_ << kEmptyLine << "  " << condition << "\n";
  }
  // One column stays free, so that the terminal does not wrap the line.
  const auto most = static_cast<size_t>(std::max(1, options_.width - 1));
  out_ << kEmptyLine << text.substr(0, most) << std::flush;
  unfinished_ = true;
}

void ProgressPrinter::Finish() {
  if (unfinished_) out_ << std::endl;
  unfinished_ = false;
}

}  // namespace merganser
