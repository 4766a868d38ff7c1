#include "client/cli/progress_rate.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace merganser {
namespace {

constexpr absl::Duration kRateWindow = absl::Seconds(10);
// Less time than this between two samples says little about the rate.
constexpr absl::Duration kShortestWindow = absl::Milliseconds(200);

}  // namespace

void ProgressRate::Add(absl::Time now, int64_t evaluations) {
  if (!samples_.empty() && evaluations < samples_.back().evaluations) {
    samples_.clear();  // another campaign
  }
  samples_.push_back({now, evaluations});
  // Keeps the last sample that is older than the window, to measure from.
  while (samples_.size() > 2 && now - samples_[1].time >= kRateWindow) {
    samples_.pop_front();
  }
}

double ProgressRate::PerSecond() const {
  if (samples_.empty()) return 0;
  const Sample& first = samples_.front();
  const Sample& last = samples_.back();
  if (last.time - first.time < kShortestWindow) return 0;
  return static_cast<double>(last.evaluations - first.evaluations) /
         absl::ToDoubleSeconds(last.time - first.time);
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

std::string DurationText(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  if (whole < 60) return absl::StrCat(whole, " s");
  if (whole < 3600) {
    return absl::StrCat(whole / 60, " min ", whole % 60, " s");
  }
  return absl::StrCat(whole / 3600, " h ", whole % 3600 / 60, " min");
}

std::string RateText(double per_second) {
  if (per_second < 10) return absl::StrFormat("%.1f/s", per_second);
  return absl::StrCat(WithThousands(std::llround(per_second)), "/s");
}

}  // namespace merganser
