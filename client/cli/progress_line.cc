#include "client/cli/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace merganser {
namespace {

constexpr absl::Duration kRateWindow = absl::Seconds(10);
// Less time than this between two samples says little about the rate.
constexpr absl::Duration kShortestWindow = absl::Milliseconds(200);
constexpr int kDefaultWidth = 100;

// "9 s", "3 min 20 s", "2 h 5 min".
std::string TimeText(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  if (whole < 60) return absl::StrCat(whole, " s");
  if (whole < 3600) {
    return absl::StrCat(whole / 60, " min ", whole % 60, " s");
  }
  return absl::StrCat(whole / 3600, " h ", whole % 3600 / 60, " min");
}

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
  Remember(now, progress.evaluations());
  std::vector<std::string> parts = {
      absl::StrCat(campaign.name(), " ", StateName(campaign.state())),
      absl::StrCat(WithThousands(progress.evaluations()), "/",
                   WithThousands(budget))};
  const double rate = is_running ? Rate() : 0;
  if (rate > 0) {
    parts.push_back(
        rate < 10 ? absl::StrFormat("%.1f/s", rate)
                  : absl::StrCat(WithThousands(std::llround(rate)), "/s"));
  }
  if (progress.has_best()) {
    parts.push_back(BestText(progress.best()));
    parts.push_back(absl::StrFormat("coverage %.4f", progress.coverage()));
  }
  const int64_t left = budget - progress.evaluations();
  if (rate > 0 && left > 0) {
    parts.push_back(
        absl::StrCat(TimeText(static_cast<double>(left) / rate), " left"));
  }
  for (const std::string& condition : campaign.conditions()) {
    parts.push_back(condition);
  }
  if (!campaign.message().empty()) parts.push_back(campaign.message());
  return absl::StrJoin(parts, "  ");
}

void ProgressLine::Remember(absl::Time now, int64_t evaluations) {
  if (!samples_.empty() && evaluations < samples_.back().evaluations) {
    samples_.clear();  // another campaign
  }
  samples_.push_back({now, evaluations});
  // Keeps the last sample that is older than the window, to measure from.
  while (samples_.size() > 2 && now - samples_[1].time >= kRateWindow) {
    samples_.pop_front();
  }
}

double ProgressLine::Rate() const {
  const Sample& first = samples_.front();
  const Sample& last = samples_.back();
  if (last.time - first.time < kShortestWindow) return 0;
  return static_cast<double>(last.evaluations - first.evaluations) /
         absl::ToDoubleSeconds(last.time - first.time);
}

ProgressPrinter::Options ProgressPrinter::StandardOutput() {
  Options options{.terminal = isatty(STDOUT_FILENO) == 1,
                  .width = kDefaultWidth};
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

std::string WithThousands(int64_t value) {
  std::string text = absl::StrCat(value);
  const int first_digit = value < 0 ? 1 : 0;
  for (int position = static_cast<int>(text.size()) - 3; position > first_digit;
       position -= 3) {
    text.insert(position, 1, ',');
  }
  return text;
}

}  // namespace merganser
